"""Reload, drain and restart of a running server, under load where it matters."""
import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from gateway import BINARY, Gateway
from load import Load

UNLIMITED = """
limits:
  address: off
  user: { rate: 1000000, window: 1m, burst: 1000000 }
  tool: { default: { rate: 1000000, window: 1m, burst: 1000000 } }
"""
# The full size is for scripts and hands: GATEHOUSE_REQUESTS=100000.
REQUESTS = int(os.environ.get("GATEHOUSE_REQUESTS", "10000"))


def wait(condition, seconds=20, what="nothing happened"):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.01)
    return found


def token_of(gateway):
    out = gateway.command("token", "issue", "demo", "--name", "load", "--scope", "qarnot:execute")
    assert out.returncode == 0, out
    return out.stdout.strip().splitlines()[-1]


def reload(gateway, overlay):
    """Lays another overlay over what `dev` generates and waits until the server has judged it, and adopted it if it was good: the
    record comes before the effect."""
    adopted = lambda: gateway.log.read_text().count("configuration reloaded")
    before, earlier = len(gateway.records("--event", "config.reloaded")), adopted()
    (gateway.folder / "overlay.yaml").write_text(overlay)
    gateway.process.send_signal(signal.SIGHUP)
    record = wait(lambda: gateway.records("--event", "config.reloaded")[before:], what=gateway.log.read_text)[0]
    if record["outcome"] == "success":
        wait(lambda: adopted() > earlier, what=gateway.log.read_text)
    return record


def serve(gateway, *options, environment=None, config=None, descriptors=()):
    """`gateway serve` on the same data, as a service manager would start it."""
    log = open(gateway.folder / f"serve-{time.monotonic_ns()}.log", "wb")
    config = config or gateway.ready["config_file"]
    process = subprocess.Popen(
        [BINARY, "serve", "--config", str(config), *options], stdout=log, stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})}, pass_fds=descriptors)
    Gateway.started.append(process)
    process.log = Path(log.name)
    return process


@contextlib.contextmanager
def under_load(load, **limits):
    thread = threading.Thread(target=lambda: asyncio.run(load.run(**limits)))
    thread.start()
    try:
        wait(lambda: load.answered > 100 or load.failures, 30)
        yield thread
    finally:
        load.stopping = True
        thread.join(60)
    assert not load.failures, (len(load.failures), load.answered, load.failures[:5])


# -- reload ------------------------------------------------------------------------------------------------------


def test_requests_do_not_notice_reloads(folder):
    gateway = Gateway(folder, UNLIMITED).start()
    load = Load(gateway, token_of(gateway))
    with under_load(load, requests=REQUESTS) as thread:
        reloads = 0
        while thread.is_alive():
            reloads += 1
            (gateway.folder / "overlay.yaml").write_text(
                UNLIMITED + f"server: {{ limits: {{ idle_timeout: {60 + reloads % 7}s, connections: {9000 + reloads % 5} }} }}\n")
            gateway.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
    assert load.answered >= REQUESTS
    records = gateway.records("--event", "config.reloaded")
    assert len(records) >= 3 and all(record["outcome"] == "success" for record in records), records
    print(f"{load.answered} requests, {len(records)} reloads")
    assert gateway.stop() == 0


def test_a_reload_takes_over_settings_certificates_and_addresses(folder):
    gateway = Gateway(folder, UNLIMITED).start()
    token = token_of(gateway)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    other = Gateway(folder / "other").start()  # has a certificate of another authority
    data, theirs = Path(gateway.ready["data_dir"]), Path(other.ready["data_dir"])
    assert other.stop() == 0
    with gateway.http() as http:
        assert gateway.call(token, "whoami", http=http).json()["result"]["structuredContent"]["limits"]["user"]["rate"] == 1_000_000
        for name in ("tls.crt", "tls.key"):
            shutil.copy(theirs / name, data / f"new-{name}")
        own = f"127.0.0.1:{httpx.URL(gateway.mcp_url).port}"
        record = reload(gateway, f"""
limits: {{ address: off, user: {{ rate: 777, window: 1m, burst: 777 }}, tool: {{ default: off }} }}
server: {{ listen: ["{own}", "127.0.0.1:{port}"], tls: {{ certificate: "{data}/new-tls.crt", key: "{data}/new-tls.key" }}, loops: 1 }}
""")
        assert record["outcome"] == "success", gateway.log.read_text()
        assert set(record["changed"]) == {"server.listen", "server.tls.certificate", "server.tls.key", "limits.user", "limits.tool.default"}
        assert record["needs_restart"] == ["server.loops"]
        # The connection that was open serves on, under the new settings.
        limits = gateway.call(token, "whoami", http=http).json()["result"]["structuredContent"]["limits"]
        assert limits["user"]["rate"] == 777 and limits["tool"] == "off"
    with pytest.raises(httpx.ConnectError):
        gateway.call(token, "whoami")  # a new handshake shows the new certificate, which this authority did not sign
    url = f"https://localhost:{port}/health"
    assert httpx.get(url, verify=other.tls()).status_code == 200
    assert reload(gateway, UNLIMITED)["outcome"] == "success"
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, verify=other.tls())
    assert gateway.call(token, "whoami").status_code == 200
    assert len(gateway.records("--event", "tls.cert.reloaded")) == 2
    assert gateway.stop() == 0


def test_a_reload_with_a_problem_changes_nothing_and_names_each(folder):
    gateway = Gateway(folder, UNLIMITED).start()
    token = token_of(gateway)
    for overlay, named in [
        ("limits: { address: off, user: off, nonsense: 1 }\nlog: { level: loud }", ["limits.nonsense", "log.level"]),
        ("limits: { address: off, user: off }\nserver: { tls: { key: /nowhere } }", ["/nowhere"]),
        ("limits: { address: off, user: off }\nserver: { listen: [\"192.0.2.1:1\"] }", ["192.0.2.1:1"]),
    ]:
        assert reload(gateway, overlay)["outcome"] == "failure"
        log = gateway.log.read_text()
        assert all(name in log for name in named), log
        limits = gateway.call(token, "whoami").json()["result"]["structuredContent"]["limits"]
        assert limits["user"]["rate"] == 1_000_000, "part of a refused configuration is in force"
    assert gateway.stop() == 0


# -- drain -------------------------------------------------------------------------------------------------------


def test_readiness_turns_red_before_listening_ends(folder):
    gateway = Gateway(folder, "server: { drain: { delay: 2s } }").start()
    ready = gateway.ready["admin_url"] + "/ready"
    assert httpx.get(ready).status_code == 200
    gateway.process.send_signal(signal.SIGTERM)
    answer = wait(lambda: (a := httpx.get(ready)).status_code == 503 and a, 2)
    assert answer.json() == {"status": "not ready", "reasons": ["draining"]}
    with gateway.http() as http:
        assert http.get(gateway.issuer + "/health").status_code == 200
    assert gateway.process.wait(10) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(ready)


def test_a_second_signal_ends_at_once(folder):
    gateway = Gateway(folder, "server: { drain: { delay: 600s, deadline: 600s } }").start()
    gateway.process.send_signal(signal.SIGTERM)
    wait(lambda: httpx.get(gateway.ready["admin_url"] + "/ready").status_code == 503, 5)
    began = time.monotonic()
    assert gateway.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 3


# -- restart -----------------------------------------------------------------------------------------------------


def test_a_successor_takes_over_without_a_failed_request(folder):
    gateway = Gateway(folder, UNLIMITED).start()
    load = Load(gateway, token_of(gateway))
    servers = [gateway.process]
    with under_load(load, seconds=60):
        for _ in range(2):
            servers.append(serve(gateway, "--take-over"))
            assert servers[-2].wait(30) == 0
            assert servers[-1].poll() is None, servers[-1].log.read_text()
            answered = load.answered
            wait(lambda: load.answered > answered + 200 or load.failures, 30)
    print(f"{load.answered} requests over two restarts")
    assert gateway.command("audit", "verify").returncode == 0
    servers[-1].terminate()
    assert servers[-1].wait(20) == 0


def test_a_successor_that_does_not_start_leaves_the_server_as_it_was(folder):
    gateway = Gateway(folder, UNLIMITED).start()
    token = token_of(gateway)
    config = Path(gateway.ready["config_file"]).read_text()
    # One server a database (decision 0009).
    second = serve(gateway)
    assert second.wait(20) == 69 and f"process {gateway.process.pid}" in second.log.read_text()
    # Fails after it got the sockets: there is no such root key.
    (folder / "broken.yaml").write_text(config.replace(gateway.ready["data_dir"] + "/root.key", str(folder / "nothing.key")))
    broken = serve(gateway, "--take-over", config=folder / "broken.yaml")
    assert broken.wait(20) == 78, broken.log.read_text()
    for _ in range(5):
        assert gateway.call(token, "whoami").status_code == 200
    # And it can still be taken over.
    successor = serve(gateway, "--take-over")
    assert gateway.process.wait(20) == 0
    assert gateway.call(token, "whoami").status_code == 200
    successor.terminate()
    assert successor.wait(20) == 0


def test_a_service_manager_passes_sockets_and_hears_the_states_in_order(folder):
    gateway = Gateway(folder, UNLIMITED).start()
    config = Path(gateway.ready["config_file"])
    url = httpx.URL(gateway.mcp_url)
    token = token_of(gateway)
    assert gateway.stop() == 0
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind("\0gatehouse-test-" + os.urandom(8).hex())
    notify.settimeout(20)
    listening = socket.create_server(("127.0.0.1", url.port), backlog=64)
    name = notify.getsockname().replace(b"\0", b"@").decode()

    def start():
        # The launcher becomes the server, so that LISTEN_PID can name it.
        launcher = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])"
        process = subprocess.Popen(
            [sys.executable, "-c", launcher, str(listening.fileno()), BINARY, "serve", "--config", str(config)],
            stdout=open(folder / "serve.log", "ab"), stderr=subprocess.STDOUT, pass_fds=[listening.fileno()],
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "gatehouse", "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"})
        Gateway.started.append(process)
        return process

    def states(until):
        seen = []
        while not seen or until not in seen[-1]:
            message = notify.recv(4096).decode().splitlines()
            if message != ["WATCHDOG=1"]:
                seen.append(message)
        return seen

    process = start()
    assert states("READY=1")[-1][0] == "READY=1"
    assert gateway.call(token, "whoami").status_code == 200
    while notify.recv(4096) != b"WATCHDOG=1":
        pass
    process.send_signal(signal.SIGHUP)
    reloading = states("READY=1")
    assert reloading[0][0] == "RELOADING=1" and reloading[0][1].startswith("MONOTONIC_USEC=")
    process.terminate()
    assert states("STOPPING=1")[-1][0] == "STOPPING=1"
    assert process.wait(20) == 0
    # Nobody serves, and nobody is refused: the connection waits for the next process.
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(gateway.call(token, "whoami").status_code))
    waiting.start()
    process = start()
    waiting.join(20)
    assert answers == [200], (folder / "serve.log").read_text()
    process.terminate()
    assert process.wait(20) == 0
    listening.close()
