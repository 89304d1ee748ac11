"""Many users with keys of their own call at once while keys are replaced: no call may carry another user's key.

The simulator's journal is the witness: every path names the user who asked for it, every entry the account whose key came.
ISOLATION_USERS and ISOLATION_SECONDS make it longer; 100 users for 60 s is the full form.
"""
import json
import os
import random
import re
import secrets
import threading
import time

import pytest

from gateway import Gateway
from qarnot_client import NO_LIMITS, admin, token

USERS = int(os.environ.get("ISOLATION_USERS", "12"))
SECONDS = float(os.environ.get("ISOLATION_SECONDS", "8"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("isolation"), NO_LIMITS).start()
    yield running
    assert running.stop() == 0


def result(answer):
    """The result of a call; one that took longer than a second comes as an event stream."""
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        return json.loads([line[5:] for line in answer.text.splitlines() if line.startswith("data:")][-1])["result"]
    return answer.json()["result"]


class User:
    def __init__(self, gateway, number):
        self.gateway, self.name, self.email = gateway, f"iso{number:03d}", f"iso{number:03d}@example.com"
        gateway.add_user(self.name)
        self.key = None
        self.replace_key()
        self.bearer = token(gateway, self.name, "qarnot:execute")
        self.codes, self.failures = [], []

    def replace_key(self):
        """A new token of the same account is stored; the old one ends."""
        old, self.key = self.key, f"{self.name}-{secrets.token_hex(12)}"
        admin(self.gateway, "POST", "/accounts", {"token": self.key, "email": self.email})
        stored = self.gateway.command("key", "set", self.name, "qarnot", "--stdin", input=self.key + "\n")
        assert stored.returncode == 0, stored.stderr
        if old:
            admin(self.gateway, "DELETE", "/accounts", {"token": old})

    def work(self, until):
        try:
            with self.gateway.http() as http:
                while time.monotonic() < until:
                    name = f"{self.name}-{secrets.token_hex(6)}"
                    tool, arguments = random.choice([
                        ("get_task", {"task_uuid": name}), ("get_task_logs", {"task_uuid": name}), ("get_pool", {"pool_uuid": name}),
                        ("list_bucket_files", {"bucket": name}), ("get_profile", {"profile_name": name}),
                        ("submit_task", {"name": name, "shortname": name, "profile": "docker-batch"})])
                    end = result(self.gateway.call(self.bearer, tool, arguments, http))
                    self.codes.append(end["structuredContent"].get("code", "ok") if end.get("isError") else "ok")
        except Exception as error:  # told by the test, not by the thread
            self.failures.append(repr(error))


def test_no_call_ever_carries_another_users_key(gateway):
    users = [User(gateway, number) for number in range(USERS)]
    before = admin(gateway, "GET", "/requests")["count"]
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=user.work, args=(until,)) for user in users]
    entries, replaced = [], 0
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        random.choice(users).replace_key()
        replaced += 1
        entries += admin(gateway, "GET", f"/requests?after={entries[-1]['seq'] if entries else before}")["requests"]
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    entries += admin(gateway, "GET", f"/requests?after={entries[-1]['seq'] if entries else before}")["requests"]

    assert [user.failures for user in users if user.failures] == []
    assert [entry["seq"] for entry in entries] == list(range(entries[0]["seq"], entries[0]["seq"] + len(entries))), "the journal is whole"
    owned = [(match.group(1), entry) for entry in entries if (match := re.search(r"(iso\d{3})-[0-9a-f]{12}", entry["path"]))]
    strangers = [entry for name, entry in owned if entry["account"] not in (None, f"{name}@example.com")]
    assert strangers == []
    # Without an account is only what a key just revoked was sent with; with one is nearly everything.
    assert len(owned) > 10 * len(users) and sum(entry["account"] is not None for _, entry in owned) > 0.5 * len(owned)
    assert replaced >= 3
    codes = {code for user in users for code in user.codes}
    # With a hundred users on few cores some calls are told to come back.
    assert codes <= {"ok", "not_found", "qarnot_token_rejected", "storage_refused", "qarnot_busy"}, codes

    # Every submission is in the account of its user, and nobody's good key is marked as bad.
    for user in users:
        listed = result(gateway.call(user.bearer, "list_tasks", {"limit": 100}))["structuredContent"]
        assert all(task["name"].startswith(user.name + "-") for task in listed["tasks"])
        assert result(gateway.call(user.bearer, "whoami"))["structuredContent"]["key"] == "present"


def test_a_second_account_sees_nothing_of_the_first(gateway):
    one, two = (User(gateway, number) for number in (900, 901))
    made = gateway.call(one.bearer, "submit_task", {"name": "mine", "profile": "docker-batch", "result_bucket": "mine-out"})
    uuid = result(made)["structuredContent"]["uuid"]
    gateway.call(one.bearer, "write_bucket_file", {"bucket": "mine-out", "key": "k", "text": "secret"})

    def code(tool, **arguments):
        return result(gateway.call(two.bearer, tool, arguments))["structuredContent"].get("code")

    for tool in ("get_task", "get_task_logs", "get_task_results", "abort_task", "delete_task", "clone_task", "get_task_cost"):
        assert code(tool, task_uuid=uuid) == "not_found", tool
    assert code("read_bucket_file", bucket="mine-out", key="k") == "not_found"
    assert code("delete_bucket_file", bucket="mine-out", key="k") == "not_found"
    empty = result(gateway.call(two.bearer, "list_buckets"))["structuredContent"]
    assert empty["buckets"] == []
