"""Kills a server that writes in `strict` mode again and again, and counts what was answered and does not hold.

    python Tests/interop/kill_loop.py --seconds 600

serves an installation of its own, loads it with tool calls, submissions, new grants, refreshes and revocations, ends it with
`kill -9` at a random moment, checks its folder with `db check` and `audit verify`, serves the same folder again and holds every
answer against it. Prints counts as JSON; exits 1 when one did not hold. What was asked and not answered is nobody's promise: it may
have taken place or not, and is not judged.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import subprocess
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import httpx

from gateway import BINARY, Gateway
from load import Load

UNLIMITED = "{ rate: 1000000, window: 1m, burst: 1000000 }"
OVERLAY = f"""
audit: {{ durability: strict }}
limits:
  address: {UNLIMITED}
  user: {UNLIMITED}
  tool: {{ default: {UNLIMITED}, "qarnot/submit_task": {UNLIMITED} }}
  endpoints: {{ authorize: {UNLIMITED}, login: {UNLIMITED}, register: {UNLIMITED}, token: {UNLIMITED} }}
"""


class Served(Gateway):
    """The installation `dev` made, served by `serve`, beside a simulator that outlives every kill."""

    def install(self) -> "Served":
        super().start()
        assert self.stop() == 0
        ports = {name: self.ready[name].split("//")[1] for name in ("qarnot_url", "storage_url", "qarnot_admin_url")}
        self.simulator = subprocess.Popen(
            [BINARY, "simulate", "qarnot", "--listen", ports["qarnot_url"], "--storage-listen", ports["storage_url"],
             "--admin-listen", ports["qarnot_admin_url"], "--token", f"{self.user['qarnot_key']}=demo@example.test"],
            stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        Gateway.started.append(self.simulator)
        return self

    def start(self, env: dict | None = None) -> "Served":
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", self.ready["config_file"]], stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        Gateway.started.append(self.process)
        deadline = time.monotonic() + 30
        while True:
            try:
                if httpx.get(self.ready["admin_url"] + "/ready", timeout=5).status_code == 200:
                    return self
            except httpx.HTTPError:
                pass
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.02)


class Round:
    """What one life of the server answered. Each list is appended to only once the whole answer was read."""

    def __init__(self, gateway: Served, families: list[dict]):
        self.gateway, self.families, self.stop = gateway, families, threading.Event()
        self.tasks: list[str] = []         # uuids of answered submissions
        self.issued: list[tuple[str, str]] = []
        self.revoked: list[str] = []
        self.asked: set[str] = set()       # revocations sent, answered or not
        self.grants: list[dict] = []
        self.refused: list[str] = []       # answers that should not be, while the server lived
        self.load = Load(gateway, families[0]["access_token"], clients=4, persistent=3)

    def run(self, seconds: float) -> None:
        threads = [threading.Thread(target=self.repeat, args=(step,)) for step in (self.submit, self.grant, self.revoke)]
        threads += [threading.Thread(target=self.repeat, args=(self.refresher(number),)) for number in range(1, len(self.families))]
        threads.append(threading.Thread(target=lambda: asyncio.run(self.load.run(seconds=seconds + 30))))
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.gateway.stop(signal.SIGKILL)
        self.load.stopping = True
        self.stop.set()
        for thread in threads:
            thread.join(60)
        # A connection that breaks is the kill's doing; an answer that refuses is ours.
        self.refused += [failure for failure in self.load.failures if "AssertionError" in failure]

    def repeat(self, step) -> None:
        with self.gateway.http() as http:
            while not self.stop.is_set():
                try:
                    step(http)
                except (httpx.HTTPError, OSError):
                    return
                except Exception as error:  # an answer we cannot read is as bad as a refusal
                    self.refused.append(repr(error))
                    return

    def expect(self, answer: httpx.Response, *statuses: int) -> bool:
        if answer.status_code not in statuses:
            self.refused.append(f"{answer.status_code} {answer.request.url.path} {answer.text[:200]}")
        return answer.status_code in statuses

    def submit(self, http) -> None:
        self.stop.wait(0.15)  # an account of the simulator takes 5,000 tasks
        answer = self.gateway.call(
            self.families[0]["access_token"], "submit_task", {"name": "t", "profile": "docker-batch"}, http=http)
        if self.expect(answer, 200):
            result = answer.json()["result"]
            if result.get("isError"):
                self.refused.append(f"submit_task {result['structuredContent']}")
            else:
                self.tasks.append(result["structuredContent"]["uuid"])

    def grant(self, http) -> None:
        client = self.gateway.register()
        code, verifier = self.gateway.code(client)
        answer = self.gateway.redeem(client, code, verifier, http)
        if self.expect(answer, 200):
            self.grants.append({**answer.json(), "client_id": client["client_id"]})
        self.stop.wait(0.3)

    def refresher(self, number: int):
        def step(http) -> None:
            answer = self.gateway.refresh(self.families[number], http)
            if self.expect(answer, 200):
                self.families[number] = {**self.families[number], **answer.json()}
                self.issued.append((self.families[number]["client_id"], answer.json()["access_token"]))
        return step

    def revoke(self, http) -> None:
        self.stop.wait(0.02)
        left = [entry for entry in self.issued[-50:] if entry[1] not in self.asked]
        if left:
            client, token = random.choice(left)
            self.asked.add(token)
            if self.expect(http.post(self.gateway.issuer + "/revoke", data={"token": token, "client_id": client}), 200):
                self.revoked.append(token)


class KillLoop:
    #: Answered tokens of one life that are tried after it; the newest matter, for what came before them was written before them.
    TRIED = 200

    def __init__(self, folder: Path, seconds: float, shortest: float = 0.5, longest: float = 5.0, seed: int | None = None):
        self.gateway = Served(folder, OVERLAY)
        self.seconds, self.shortest, self.longest = seconds, shortest, longest
        self.seed = random.randrange(1 << 32) if seed is None else seed
        self.counts = dict.fromkeys(
            ("kills", "calls", "submissions", "grants", "tokens", "tokens_tried", "revocations", "families_refreshed"), 0)
        self.failures: list[str] = []
        self.intents = 0

    def run(self) -> dict:
        moments = random.Random(self.seed)
        self.gateway.install().start()
        families = [self.gateway.grant() for _ in range(4)]
        began, end = time.monotonic(), time.monotonic() + self.seconds
        try:
            while time.monotonic() < end:
                time.sleep(0.01)  # what the check before asked for is not of this life
                since = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                life = Round(self.gateway, families)
                life.run(moments.uniform(self.shortest, self.longest))
                self.counts["kills"] += 1
                self.clean()
                self.gateway.start()
                self.check(life, since)
                # A token of an hour ends within a long run; the call's own family goes on like the others.
                families[0] = {**families[0], **self.gateway.refresh(families[0]).json()}
            self.expect_that(self.gateway.stop() == 0, "the last server did not end with 0")
            self.clean()
        finally:
            self.gateway.process.kill()
            self.gateway.simulator.kill()
        return {"seconds": round(time.monotonic() - began), "seed": self.seed, **self.counts, "failures": len(self.failures),
                "first_failures": list({failure.split(": ", 1)[1]: failure for failure in reversed(self.failures)}.values())[-10:]}

    def expect_that(self, holds: bool, sentence: str) -> None:
        if not holds:
            self.failures.append(f"after kill {self.counts['kills']}: {sentence}")

    def clean(self) -> None:
        """The folder as the kill left it, before anything mends it."""
        for words in (("db", "check"), ("audit", "verify")):
            verdict = self.gateway.command(*words)
            self.expect_that(verdict.returncode == 0, f"{' '.join(words)}: {verdict.stdout[-300:]} {verdict.stderr[-300:]}")

    def check(self, life: Round, since: str) -> None:
        for refusal in life.refused:
            self.expect_that(False, refusal)
        self.check_records(life, since)
        with self.gateway.http() as http:
            tried = [token for _, token in life.issued if token not in life.asked][-self.TRIED:]
            tried += [grant["access_token"] for grant in life.grants]
            for token in tried:
                self.expect_that(self.gateway.call(token, "whoami", http=http).status_code == 200, "an answered token is not valid")
            for token in life.revoked:
                self.expect_that(self.gateway.call(token, "whoami", http=http).status_code == 401, "an answered revocation is void")
            for family in [*life.families[1:], *life.grants]:
                answer = self.gateway.refresh(family, http)
                self.expect_that(answer.status_code == 200, f"an answered refresh token is refused: {answer.text}")
                family.update(answer.json() if answer.status_code == 200 else {})
                self.counts["families_refreshed"] += 1
        self.counts["calls"] += life.load.answered + len(life.tasks)
        self.counts["submissions"] += len(life.tasks)
        self.counts["grants"] += len(life.grants)
        self.counts["tokens"] += len(life.issued) + len(life.grants)
        self.counts["tokens_tried"] += len(tried)
        self.counts["revocations"] += len(life.revoked)

    def check_records(self, life: Round, since: str) -> None:
        def records(event: str, outcome: str) -> list[dict]:
            return self.gateway.records("--event", event, "--outcome", outcome, "--since", since)
        called = records("mcp.tool.called", "success")
        whoami = sum(record["tool"] == "whoami" for record in called)
        self.expect_that(whoami >= life.load.answered, f"{whoami} records of {life.load.answered} answered whoami calls")
        submitted = sum(record["tool"] == "submit_task" for record in called)
        self.expect_that(submitted >= len(life.tasks), f"{submitted} records of {len(life.tasks)} answered submissions")
        # Nothing reaches Qarnot before its intent is on disk; and what was answered is there.
        self.intents += sum(record["tool"] == "submit_task" for record in records("mcp.tool.called", "intent"))
        there = self.submitted_tasks()
        self.expect_that(len(there) <= self.intents, f"{len(there)} tasks at Qarnot of {self.intents} intents on disk")
        self.expect_that(set(life.tasks) <= there, "an answered submission is not at Qarnot")
        issued = len(records("token.refreshed", "success"))
        self.expect_that(issued >= len(life.issued), f"{issued} records of {len(life.issued)} answered refreshes")
        revoked = len(records("token.revoked", "success"))
        self.expect_that(revoked >= len(life.revoked), f"{revoked} records of {len(life.revoked)} answered revocations")


    def submitted_tasks(self) -> set[str]:
        answer = httpx.get(self.gateway.ready["qarnot_url"] + "/tasks/summaries", timeout=30,
                           headers={"Authorization": self.gateway.user["qarnot_key"]})
        return {task["uuid"] for task in answer.raise_for_status().json()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, help="of the moments of the kills; printed with the counts")
    parser.add_argument("--folder", type=Path, help="kept; without it a temporary one is used")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        result = KillLoop(options.folder or Path(temporary), options.seconds, seed=options.seed).run()
    print(json.dumps(result, indent=1))
    raise SystemExit(1 if result["failures"] else 0)
