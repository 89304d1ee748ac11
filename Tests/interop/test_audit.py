"""The audit log as an auditor meets it: signed checkpoints, proofs, a signer of its own (oauth.md §18)."""
import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from gateway import BINARY, Gateway


def run(*words, input=None):
    return subprocess.run([BINARY, *words], input=input, text=True, capture_output=True, timeout=60)


def signers(gateway):
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            parent = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if b"audit-signer" in words and parent == gateway.process.pid:
            out.append(int(pid))
    return out


def eventually(check, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def server(folder):
    gateway = Gateway(folder).start()
    yield gateway
    gateway.stop()


def public_key(folder):
    return next((folder / "data").glob("*.audit-key.pub"))


def test_a_copy_is_verified_with_the_public_key_alone_and_a_record_proven(folder, server, tmp_path):
    server.grant()
    server.stop()
    key, copy = public_key(folder), folder / "data/audit"
    done = run("audit", "verify", "--folder", str(copy), "--public-key", str(key), "--json")
    verdict = json.loads(done.stdout)
    assert done.returncode == 0 and verdict["checkpoints"] >= 2 and verdict["signed"] == verdict["count"] - 1, done
    issued = server.records("--event", "token.issued")[0]
    proof = run("audit", "prove", str(issued["seq"]), "--folder", str(copy))
    file = tmp_path / "proof.json"
    file.write_text(proof.stdout)
    done = run("audit", "prove", "--check", str(file), "--public-key", str(key), "--json")
    assert done.returncode == 0 and json.loads(json.loads(done.stdout)["record"])["event"] == "token.issued", done
    file.write_text(proof.stdout.replace("token.issued", "token.denied"))
    assert run("audit", "prove", "--check", str(file), "--public-key", str(key)).returncode == 1
    assert run("audit", "prove", "99999", "--folder", str(copy)).returncode == 1


def test_openssl_verifies_a_checkpoint_by_hand(folder, server, tmp_path):
    server.stop()
    import base64
    line = [json.loads(line) for file in sorted((folder / "data/audit").glob("*.jsonl")) for line in file.open()][-1]
    assert line["event"] == "audit.checkpoint"
    root = base64.b64encode(bytes.fromhex(line["root"])).decode()
    (tmp_path / "text").write_text(f"{line['origin']}\n{line['size']}\n{root}\ntime {line['time']}\n")
    (tmp_path / "sig").write_bytes(base64.b64decode(line["signature"]))
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public_key(folder), "-rawin", "-in", tmp_path / "text",
                           "-sigfile", tmp_path / "sig"], capture_output=True, text=True)
    assert done.returncode == 0, done


def test_the_key_is_in_another_process_which_is_replaced_when_it_dies(folder, server):
    key = next((folder / "data").glob("*.audit-key"))
    assert stat.S_IMODE(key.stat().st_mode) == 0o400
    [signer] = eventually(lambda: signers(server))
    os.kill(signer, signal.SIGKILL)
    eventually(lambda: [r for r in server.records("--event", "audit.gap") if r["reason"] == "signer_lost"])
    eventually(lambda: [s for s in signers(server) if s != signer])
    eventually(lambda: server.records("--event", "audit.checkpoint")[-1]["seq"] > server.records("--event", "audit.gap")[-1]["seq"])
    assert server.command("audit", "verify").returncode == 0
    # It outlives the signals of a terminal, and ends with the server.
    [signer] = signers(server)
    os.kill(signer, signal.SIGTERM)
    time.sleep(0.3)
    assert signers(server) == [signer]
    server.stop()
    eventually(lambda: not os.path.exists(f"/proc/{signer}"))


def test_a_key_others_may_read_stops_the_start(folder, server):
    server.stop()
    key = next((folder / "data").glob("*.audit-key"))
    key.chmod(0o444)
    done = subprocess.run([BINARY, "serve", "--data-dir", str(folder / "data")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 78 and "chmod 0400" in done.stderr, done


def test_a_signer_of_its_own_serves_at_a_socket(folder, tmp_path):
    socket, key = tmp_path / "signer.sock", tmp_path / "signing.key"
    signer = subprocess.Popen([BINARY, "audit-signer", "--key", str(key), "--listen", str(socket), "--user", str(os.getuid())])
    try:
        eventually(socket.exists)
        gateway = Gateway(folder, overlay=f"audit: {{ signer: {socket} }}\n").start()
        gateway.grant()
        gateway.stop()
        done = run("audit", "verify", "--folder", str(folder / "data/audit"), "--public-key", f"{key}.pub", "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["checkpoints"] >= 2, done
        assert not list((folder / "data").glob("*.audit-key"))
    finally:
        signer.kill()
        signer.wait()


def test_an_export_is_on_record_and_in_the_words_asked_for(folder, server):
    server.grant()
    for form in ("jsonl", "ecs", "ocsf"):
        lines = [json.loads(line) for line in server.command("audit", "export", "--format", form, "--event", "token.issued").stdout.splitlines()]
        assert lines, form
    assert lines[0]["class_uid"] == 3003 and lines[0]["user"]["name"]
    table = server.command("audit", "export", "--format", "csv").stdout.splitlines()
    assert table[0].startswith("seq,ts,event") and any(",consent.granted," in line for line in table)
    assert [r["format"] for r in server.records("--event", "audit.exported")] == ["jsonl", "ecs", "ocsf", "csv"]
    assert server.command("audit", "export", "--format", "xml").returncode == 64


def test_witnesses_get_every_checkpoint_and_show_a_cut_log(folder, tmp_path):
    import socket
    datagrams, stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.create_server(("127.0.0.1", 0))
    datagrams.bind(("127.0.0.1", 0))
    datagrams.settimeout(20)
    stream.settimeout(20)
    local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    local.bind(str(tmp_path / "log"))
    local.settimeout(20)
    kept = tmp_path / "kept.jsonl"
    gateway = Gateway(folder, overlay=(
        "audit:\n  checkpoint: { interval: 1s }\n  witnesses:\n"
        f"    - syslog:udp:127.0.0.1:{datagrams.getsockname()[1]}\n    - syslog:tcp:127.0.0.1:{stream.getsockname()[1]}\n"
        f"    - syslog:unix:{tmp_path}/log\n    - file:{kept}\n")).start()
    assert local.recv(65536).startswith(b"<109>1 ")
    text = datagrams.recv(65536).decode()
    assert text.startswith("<109>1 ") and json.loads(text[text.index("{"):])["size"] >= 0
    connection, _ = stream.accept()
    with connection:
        framed = connection.makefile().read()
    length, message = framed.split(" ", 1)
    assert int(length) == len(message) and message.startswith("<109>1 ")
    gateway.grant()
    eventually(lambda: kept.exists() and len(kept.read_text().splitlines()) >= 4)
    gateway.stop()
    words = ["audit", "verify", "--folder", str(folder / "data/audit"), "--public-key", str(public_key(folder))]
    assert run(*words, "--witness", str(kept)).returncode == 0
    [segment] = (folder / "data/audit").glob("*.jsonl")
    lines = segment.read_text().splitlines(keepends=True)
    cut = [index for index, line in enumerate(lines) if '"audit.checkpoint"' in line][1]
    segment.write_text("".join(lines[:cut + 1]))
    assert run(*words).returncode == 0
    done = run(*words, "--witness", str(kept))
    assert done.returncode == 1 and "was cut" in done.stderr, done


def test_a_checkpoint_is_posted_until_it_is_taken(folder):
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append((self.headers["Content-Type"], json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(500 if len(posted) == 1 else 204)
            self.end_headers()

        def log_message(self, *words):
            pass

    witness = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=witness.serve_forever, daemon=True).start()
    gateway = Gateway(folder, overlay=f"audit:\n  checkpoint: {{ interval: 1s }}\n  witnesses: ['http://127.0.0.1:{witness.server_port}/w']\n").start()
    eventually(lambda: len(posted) >= 4)
    gateway.stop()
    witness.shutdown()
    assert posted[0] == posted[1] and posted[1] != posted[2]  # refused once, sent again, then the next
    assert all(kind == "application/json" and body["signature"] for kind, body in posted)
    done = run("config", "check", str(folder / "data/gatehouse.yaml"))
    assert done.returncode == 0
    text = (folder / "data/gatehouse.yaml").read_text().replace("http://127.0.0.1", "http://192.0.2.1")
    (folder / "other.yaml").write_text(text)
    assert run("config", "check", str(folder / "other.yaml")).returncode == 78


def test_an_erased_user_is_nobody_in_the_log_and_the_chain_stays_whole(folder):
    """AUD-6: words stand for names, whose they are is in the database alone."""
    gateway = Gateway(folder, "audit: { pseudonyms: on }").start()
    name, data = "annabelle-lee", Path(gateway.ready["data_dir"])
    everywhere = lambda: b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    log = lambda: b"".join(path.read_bytes() for path in (data / "audit").iterdir() if path.is_file())

    def use():
        user = gateway.add_user(name, key=True)
        token = gateway.grant(user)["access_token"]
        assert gateway.call(token, "whoami").json()["result"]["structuredContent"]["user"] == name
        assert not gateway.call(token, "list_profiles").json()["result"].get("isError")
        assert gateway.call(token, "submit_task", {}).status_code == 200

    use()
    assert name.encode() not in log() and b"demo" not in log().replace(b"demo@", b"")
    found = gateway.records("--user", name)
    words = {record["subject"] for record in found}
    assert len(words) == 1 and words.pop().startswith("p-")
    events = [record["event"] for record in found]
    assert {"user.created", "vault.key.stored", "auth.login", "consent.granted", "mcp.tool.called", "vault.key.used"} <= set(events)
    assert f"  {name}  " in gateway.command("audit", "search", "--user", name).stdout
    assert f"  {name}  " in gateway.command("audit", "tail").stdout
    exported = gateway.command("audit", "export", "--format", "jsonl", "--user", name).stdout
    assert exported.count("\n") == len(found) and name not in exported
    assert {record["actor"] for record in found if record["event"] == "user.created"} == {"cli"}

    assert gateway.command("audit", "erase", name).returncode == 64
    assert gateway.command("audit", "erase", name, "--yes").returncode == 1, "the user is still there"
    assert gateway.command("user", "remove", name, "--yes").returncode == 0
    dry = gateway.command("audit", "erase", name, "--dry-run")
    assert dry.returncode == 0 and name in dry.stdout and gateway.records("--user", name)
    assert gateway.command("audit", "erase", name, "--yes").returncode == 0
    assert gateway.command("audit", "erase", name, "--yes").returncode == 1
    assert gateway.records("--user", name) == [] and name not in gateway.command("audit", "tail", "-n", "200").stdout
    assert name.encode() not in everywhere()
    verdict = gateway.command("audit", "verify")
    assert verdict.returncode == 0 and verdict.stdout.startswith("ok"), verdict

    use()  # another person of that name is another word
    again = {record["subject"] for record in gateway.records("--user", name)}
    assert len(again) == 1 and again.isdisjoint({record["subject"] for record in found})
    assert gateway.stop() == 0
