"""Backup, restore, check and rekey of a real installation, under load and killed at every step (contract §6, VLT-3)."""
import json
import shutil
import sqlite3
import stat
import threading
import time

import httpx
import pytest

from gateway import Gateway
from maintenance import preload, run

LIMITS = """
limits: { user: off, tool: { default: off } }
"""


class Load:
    """Calls that need the vault key, until stopped; every answer counts."""

    def __init__(self, gateway, token, threads=2):
        self.gateway, self.token, self.stop, self.good, self.bad = gateway, token, threading.Event(), 0, []
        self.threads = [threading.Thread(target=self.work) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self):
        with self.gateway.http() as http:
            while not self.stop.is_set():
                try:
                    answer = self.gateway.call(self.token, "list_tasks", http=http)
                except httpx.HTTPError as error:
                    self.bad.append(repr(error))
                    continue
                if answer.status_code == 200 and not answer.json().get("result", {}).get("isError"):
                    self.good += 1
                else:
                    self.bad.append(answer.text[:300])

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)


def call_works(gateway, token) -> bool:
    answer = gateway.call(token, "list_tasks")
    return answer.status_code == 200 and not answer.json()["result"].get("isError")


def test_a_backup_under_load_is_whole_and_restores(folder):
    gateway = Gateway(folder, LIMITS).start()
    tokens = gateway.grant()
    load = Load(gateway, tokens["access_token"])
    copy = folder / "copy.db"
    for index in range(3):
        copy.unlink(missing_ok=True)
        done = gateway.command("db", "backup", str(copy), "--json")
        assert done.returncode == 0, done.stderr
    load.end()
    assert load.good > 0 and not load.bad, load.bad[:2]
    assert json.loads(done.stdout)["file"] == str(copy) and stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sqlite3.connect(copy).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert [p.name for p in folder.iterdir() if p.name.startswith("copy")] == ["copy.db"]
    # A file is never replaced unasked, nor the database by itself.
    assert gateway.command("db", "backup", str(copy)).returncode == 73
    assert gateway.command("db", "backup", str(copy), "--overwrite").returncode == 0

    gateway.add_user("later", role="viewer")
    done = gateway.command("db", "restore", str(copy), "--yes")
    assert done.returncode == 69 and "Stop it first" in done.stderr
    assert gateway.stop() == 0
    audit = {p.name: p.read_bytes() for p in (folder / "data/audit").iterdir()}
    assert gateway.command("db", "restore", str(copy)).returncode == 64
    dry = gateway.command("db", "restore", str(copy), "--dry-run", "--json")
    assert dry.returncode == 0 and json.loads(dry.stdout)["dry_run"] is True
    assert gateway.command("user", "show", "later").returncode == 0
    audit = {p.name: p.read_bytes() for p in (folder / "data/audit").iterdir()}
    done = gateway.command("db", "restore", str(copy), "--yes")
    assert done.returncode == 0, done.stderr
    assert audit == {p.name: p.read_bytes() for p in (folder / "data/audit").iterdir()}
    assert gateway.command("user", "show", "later").returncode == 1
    # What was restored is in the log as soon as anybody opens the installation again.
    assert any(r.get("command") == "db restore" for r in gateway.records("--event", "admin.command"))
    assert gateway.command("audit", "verify").returncode == 0
    gateway.start()
    assert call_works(gateway, tokens["access_token"])
    assert gateway.command("db", "check").returncode == 0
    assert gateway.stop() == 0


def test_a_restore_checks_the_file_and_the_root_key_first(folder):
    gateway = Gateway(folder).start()
    other = Gateway(folder / "other").start()
    assert other.command("db", "backup", str(folder / "foreign.db")).returncode == 0
    other.stop()
    gateway.stop()
    before = (folder / "data/gatehouse.db").read_bytes()
    done = gateway.command("db", "restore", str(folder / "foreign.db"), "--yes")
    assert done.returncode == 78 and "root key" in done.stderr
    (folder / "text.db").write_text("hello, I am no database at all\n" * 200)
    done = gateway.command("db", "restore", str(folder / "text.db"), "--yes")
    assert done.returncode == 1 and "Nothing was changed" in done.stderr
    assert gateway.command("db", "restore", str(folder / "absent.db"), "--yes").returncode == 1
    assert (folder / "data/gatehouse.db").read_bytes() == before
    assert not [p.name for p in (folder / "data").iterdir() if "restore" in p.name]


def test_a_check_finds_a_key_that_does_not_open(folder):
    gateway = Gateway(folder).start()
    done = gateway.command("db", "check", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["status"] == "ok", done
    gateway.stop()
    with sqlite3.connect(folder / "data/gatehouse.db") as database:
        database.execute("UPDATE vault_records SET row_id = 'moved'")
    done = gateway.command("db", "check", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and [c["name"] for c in found["checks"] if c["outcome"] == "failed"] == ["vault"]


def test_migrate_says_what_it_would_do_and_waits_for_the_server_to_stop(folder):
    gateway = Gateway(folder).start()
    assert json.loads(gateway.command("db", "migrate", "--json").stdout)["steps"] == []
    gateway.stop()
    with sqlite3.connect(folder / "data/gatehouse.db") as database:
        newest = database.execute("SELECT max(number) FROM migrations").fetchone()[0]
        database.execute("INSERT INTO migrations VALUES (9999, x'00', 1)")
    done = gateway.command("db", "migrate")
    assert done.returncode == 78 and "newer" in done.stderr and newest > 0


def test_a_rekey_under_load_fails_no_call(folder):
    gateway = Gateway(folder, LIMITS).start()
    tokens = gateway.grant()
    key = folder / "data/root.key"
    load = Load(gateway, tokens["access_token"])
    seen = {key.read_bytes()}
    for _ in range(4):
        done = gateway.command("vault", "rekey", "--json")
        assert done.returncode == 0, done.stderr
        seen.add(key.read_bytes())
        time.sleep(0.2)
    load.end()
    assert load.good > 20 and not load.bad, load.bad[:2]
    assert len(seen) == 5 and stat.S_IMODE(key.stat().st_mode) == 0o400 and not (folder / "data/root.key.next").exists()
    # A user who comes after is wrapped by the newest key, by the server that has run since before.
    late = gateway.add_user("late", key=True)
    assert call_works(gateway, gateway.grant(late)["access_token"])
    status = json.loads(gateway.command("vault", "status", "--json").stdout)
    assert status["records"] == 2 and status["rekey_pending"] is False
    assert status["root_key_id"] == json.loads(done.stdout)["root_key_id"]
    assert {r["outcome"] for r in gateway.records("--event", "vault.rekeyed")} == {"intent", "success"}
    assert gateway.stop() == 0
    gateway.start()
    assert call_works(gateway, tokens["access_token"]) and call_works(gateway, gateway.grant()["access_token"])
    assert gateway.stop() == 0


def test_a_rekey_killed_anywhere_goes_on(folder):
    """Every call that writes, syncs, renames or removes is a place to die at. After each the server still serves, a new process
    opens the vault, and another run ends well."""
    library = preload(folder, "killer")
    gateway = Gateway(folder, LIMITS).start()
    token = gateway.grant()["access_token"]
    words = ("vault", "rekey", "--data-dir", str(folder / "data"))
    counted = run(*words, library=library, count=folder / "count")
    assert counted.returncode == 0, counted.stderr
    places = int((folder / "count").read_text())
    assert places > 5
    pending = 0
    for place in range(1, places + 1):
        done = run(*words, library=library, at=place)
        assert done.returncode in (-9, 0), (place, done)
        assert call_works(gateway, token), place
        pending += (folder / "data/root.key.next").exists()
        if place % 5 == 0:
            status = gateway.command("vault", "status", "--json")
            assert status.returncode == 0, (place, status.stderr)
        if place % 7 == 0:
            again = gateway.command("vault", "rekey")
            assert again.returncode == 0, (place, again.stderr)
    assert pending > 0
    assert gateway.command("vault", "rekey").returncode == 0
    assert json.loads(gateway.command("vault", "status", "--json").stdout)["rekey_pending"] is False
    assert call_works(gateway, token)
    assert gateway.command("db", "check").returncode == 0 and gateway.command("audit", "verify").returncode == 0
    assert gateway.stop() == 0
    gateway.start()
    assert call_works(gateway, token)
    assert gateway.stop() == 0


def test_a_server_starts_between_the_steps_of_a_rekey(folder):
    library = preload(folder, "killer")
    gateway = Gateway(folder, LIMITS).start()
    token = gateway.grant()["access_token"]
    gateway.stop()
    words = ("vault", "rekey", "--data-dir", str(folder / "data"))
    place = 1
    while run(*words, library=library, at=place).returncode == -9:
        gateway.start()
        assert call_works(gateway, token), place
        gateway.stop()
        place += 6
    assert place > 12


def test_a_wrong_root_key_exits_78(folder):
    gateway = Gateway(folder).start()
    gateway.stop()
    other = Gateway(folder / "other").start()
    other.stop()
    key = folder / "data/root.key"
    right = key.read_bytes()
    key.unlink()
    shutil.copy(folder / "other/data/root.key", key)
    for words in (("vault", "rekey"), ("vault", "status"), ("db", "check")):
        done = gateway.command(*words)
        assert done.returncode == 78 and "root key" in done.stderr, (words, done)
    assert not (folder / "data/root.key.next").exists()
    key.unlink()
    key.write_bytes(right)
    key.chmod(0o400)
    assert gateway.command("vault", "status").returncode == 0


@pytest.mark.parametrize("words", [("db", "backup"), ("db", "restore")])
def test_a_missing_file_name_is_a_usage_error(words, folder):
    assert run(*words, "--data-dir", str(folder)).returncode == 64
