"""Full, read-only and locked disks, and clocks that jump: what is refused, that nothing half happens, and that it mends by itself."""
import json
import os
import resource
import sqlite3
import struct
import subprocess
import time

import httpx
import pytest

from gateway import BINARY, Gateway
from maintenance import preload

LIMITS = "limits: { user: off, tool: { default: off, 'qarnot/submit_task': off } }\n"
TASK = {"name": "disk", "profile": "docker-batch", "instance_count": 1, "constants": [{"key": "DOCKER_CMD", "value": "true"}]}


def submit(gateway, token):
    return gateway.call(token, "submit_task", TASK)


def tasks(gateway) -> int:
    """As Qarnot itself counts them."""
    answer = httpx.get(gateway.ready["qarnot_url"] + "/tasks", headers={"Authorization": gateway.user["qarnot_key"]})
    assert answer.status_code == 200, answer.text
    return len(answer.json())


def reasons(gateway) -> list[str]:
    return httpx.get(gateway.ready["admin_url"] + "/ready").json()["reasons"]


def works(gateway, token) -> bool:
    answer = submit(gateway, token)
    return answer.status_code == 200 and not answer.json()["result"].get("isError")


def eventually(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not mend by itself"
        time.sleep(0.2)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("mounting needs privileges this machine does not give")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def refuses_to_spend(gateway, token):
    """No task is created, the answer is 503 and says so, and what only reads from memory still answers."""
    before = tasks(gateway)
    for _ in range(3):
        answer = submit(gateway, token)
        assert answer.status_code == 503 and answer.headers["retry-after"], answer.text
    assert tasks(gateway) == before
    with gateway.http() as http:
        assert http.get(gateway.issuer + "/health").status_code == 200
    assert "the audit log cannot be written" in reasons(gateway)


def test_with_a_full_disk_nothing_is_started_and_it_mends_by_itself(small_disk):
    gateway = Gateway(small_disk, LIMITS).start()
    gateway.log.write_text("")
    token = gateway.grant()["access_token"]
    assert works(gateway, token)
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    # The log reserves room ahead: what still fits is recorded and done, what does not is refused.
    made = 0
    with gateway.http() as http:
        while gateway.call(token, "whoami", http=http).status_code == 200:
            made += 1
            assert made < 5000
    refuses_to_spend(gateway, token)
    assert any("full" in reason for reason in reasons(gateway))
    with gateway.http() as http:
        assert http.post(gateway.issuer + "/register", json={"redirect_uris": ["http://127.0.0.1:9/cb"]}).status_code == 503
    filler.unlink()
    eventually(lambda: works(gateway, token))
    assert gateway.grant()["access_token"]
    assert gateway.command("audit", "verify").returncode == 0 and gateway.command("db", "check").returncode == 0
    assert gateway.stop() == 0


def test_with_a_limit_on_file_sizes_nothing_is_started_and_it_mends_by_itself(folder):
    gateway = Gateway(folder, LIMITS).start()
    token = gateway.grant()["access_token"]
    assert works(gateway, token)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    refuses_to_spend(gateway, token)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    eventually(lambda: works(gateway, token))
    assert gateway.command("audit", "verify").returncode == 0 and gateway.command("db", "check").returncode == 0
    assert gateway.stop() == 0


def test_a_backup_onto_a_full_disk_leaves_nothing_behind(small_disk, folder):
    gateway = Gateway(folder / "gateway").start()
    with open(small_disk / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    done = gateway.command("db", "backup", str(small_disk / "copy.db"))
    assert done.returncode == 74 and done.stderr.startswith("gatehouse: "), done
    assert [p.name for p in small_disk.iterdir()] == ["filler"]
    assert gateway.stop() == 0


def test_a_read_only_disk_is_told_in_a_sentence(small_disk):
    gateway = Gateway(small_disk, LIMITS).start()
    gateway.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for words in (("serve",), ("user", "add", "ada", "--role", "viewer", "--invite"), ("vault", "rekey"), ("db", "migrate")):
        done = subprocess.run([BINARY, *words, "--data-dir", str(small_disk / "data")], capture_output=True, text=True, timeout=30)
        assert done.returncode in (0, 69, 73, 74) and (done.returncode or words[0] == "db"), (words, done)
        assert not done.returncode or done.stderr.startswith("gatehouse: "), done.stderr
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    gateway.start()
    assert works(gateway, gateway.grant()["access_token"])
    assert gateway.stop() == 0


def test_a_locked_database_answers_503_and_mends_by_itself(folder):
    gateway = Gateway(folder, LIMITS).start()
    token = gateway.grant()["access_token"]
    with sqlite3.connect(folder / "data/gatehouse.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with gateway.http() as http:
            began = http.post(gateway.issuer + "/register", json={"redirect_uris": ["http://127.0.0.1:9/cb"]}, timeout=30)
            assert began.status_code == 503, began.text
        # Reading goes on: tokens are looked up, tools that only read answer.
        assert gateway.call(token, "whoami").status_code == 200
        other.execute("ROLLBACK")
    eventually(lambda: gateway.register()["client_id"] != "")
    assert gateway.command("user", "list").returncode == 0
    assert gateway.stop() == 0


def test_the_clock_may_jump(folder):
    """Forwards, what has ended has ended; backwards, nothing breaks, nothing lives longer than it was given, and limits go on."""
    offset = folder / "offset"

    def jump(seconds):
        with open(offset, "r+b") as file:
            file.write(struct.pack("l", seconds))

    offset.write_bytes(struct.pack("l", 0))
    gateway = Gateway(folder, "limits: { user: { rate: 1, window: 1h, burst: 40 } }\n").start(
        env={"LD_PRELOAD": preload(folder, "clock"), "CLOCK_FILE": str(offset)})
    tokens = gateway.grant()
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200
    jump(2 * 3600)
    eventually(lambda: gateway.call(tokens["access_token"], "whoami").status_code == 401)
    fresh = gateway.refresh(tokens)
    assert fresh.status_code == 200, fresh.text
    fresh = {**fresh.json(), "client_id": tokens["client_id"]}
    assert gateway.call(fresh["access_token"], "whoami").status_code == 200
    jump(-3600)
    assert gateway.call(fresh["access_token"], "whoami").status_code == 200
    later = gateway.grant()
    assert gateway.call(later["access_token"], "whoami").status_code == 200
    jump(100 * 86400)
    assert gateway.refresh({**later}).status_code in (400, 401)
    last = gateway.grant()
    assert gateway.call(last["access_token"], "whoami").status_code == 200
    # A day on the wall is no day for a limit: what was spent stays spent.
    statuses = [gateway.call(last["access_token"], "whoami").status_code for _ in range(45)]
    assert statuses.count(200) < 45 and statuses[-1] == 429
    jump(0)
    assert gateway.command("audit", "verify").returncode == 0
    assert httpx.get(gateway.ready["admin_url"] + "/ready").status_code == 200
    assert gateway.stop() == 0
