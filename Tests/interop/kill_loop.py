"""kill -9 again and again under load in `strict`: what was answered is on record, what was issued is valid, the database is whole.

By hand for as long as is wanted: GATEHOUSE_BIN=.build/release/gatehouse python Tests/interop/kill_loop.py [SECONDS]   (600 when not given)
"""
import hashlib
import itertools
import json
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from gateway import Gateway

OVERLAY = """
audit: { durability: strict }
limits: { address: off, user: off, tool: { default: off }, endpoints: { token: off } }
"""
CALLERS, FAMILIES = 6, 4


class KillLoop:
    def __init__(self, folder: Path):
        self.gateway = Gateway(folder, OVERLAY).start()
        self.families = [self.gateway.grant() for _ in range(FAMILIES)]
        self.caller = self.gateway.grant()["access_token"]
        self.numbers = itertools.count()
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.counts = dict(kills=0, calls=0, refreshes=0, revocations=0, records=0)

    def run(self, seconds: float) -> dict:
        end = time.monotonic() + seconds
        while time.monotonic() < end or self.counts["kills"] < 2:
            self.cycle(random.uniform(0.5, 4))
        assert self.gateway.stop() == 0
        return self.counts

    def cycle(self, seconds: float) -> None:
        """Load, a kill in the middle of it, a start, and a look at what is left."""
        self.called, self.issued, self.revoked, self.asked = [], [], [], set()
        self.stopping.clear()
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
        threads = [threading.Thread(target=self.call) for _ in range(CALLERS)]
        threads += [threading.Thread(target=self.refresh, args=(index,)) for index in range(FAMILIES)]
        threads += [threading.Thread(target=self.revoke)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        assert self.gateway.stop(signal.SIGKILL) == -signal.SIGKILL
        self.stopping.set()
        for thread in threads:
            thread.join(30)
        self.gateway.start()
        self.counts["kills"] += 1
        self.look(since)

    # -- the load: each stops at the first request that is not answered ---------------------------------------------

    def call(self):
        with self.gateway.http() as http:
            while not self.stopping.is_set():
                arguments = {"n": next(self.numbers)}
                try:
                    answer = self.gateway.call(self.caller, "whoami", arguments, http=http)
                except httpx.HTTPError:
                    return
                assert answer.status_code == 200, answer.text
                self.called.append(hashlib.sha256(json.dumps(arguments, separators=(",", ":")).encode()).hexdigest())

    def refresh(self, index):
        with self.gateway.http() as http:
            while not self.stopping.is_set():
                family = self.families[index]
                try:
                    answer = self.gateway.refresh(family, http)
                except httpx.HTTPError:
                    return
                assert answer.status_code == 200, answer.text
                self.families[index] = {**family, **answer.json()}
                with self.lock:
                    self.issued.append((family["client_id"], answer.json()["access_token"]))

    def revoke(self):
        with self.gateway.http() as http:
            while not self.stopping.is_set():
                time.sleep(0.05)
                with self.lock:
                    fresh = [one for one in self.issued if one[1] not in self.asked]
                if len(fresh) < 8:
                    continue
                client, token = random.choice(fresh)
                self.asked.add(token)
                try:
                    answer = http.post(self.gateway.issuer + "/revoke", data={"token": token, "client_id": client})
                except httpx.HTTPError:
                    return
                assert answer.status_code == 200, answer.text
                self.revoked.append(token)

    # -- what is left ------------------------------------------------------------------------------------------------

    def look(self, since):
        for words in (("audit", "verify"), ("db", "check")):
            done = self.gateway.command(*words)
            assert done.returncode == 0, (words, done)
        records = self.gateway.records("--since", since)
        digests = {one["arg_digest"] for one in records if one["event"] == "mcp.tool.called" and one["outcome"] == "success"}
        missing = [one for one in self.called if one not in digests]
        assert not missing, f"{len(missing)} of {len(self.called)} answered calls have no record"
        refreshed = sum(one["event"] in ("token.refreshed", "token.refresh.grace_used") for one in records)
        assert refreshed >= len(self.issued), (refreshed, len(self.issued))
        with self.gateway.http() as http:
            for _, token in self.issued:
                if token not in self.asked:  # of a revocation that was not answered nobody can say whether it took place
                    assert self.gateway.call(token, "whoami", http=http).status_code == 200
            for token in self.revoked:
                assert self.gateway.call(token, "whoami", http=http).status_code == 401
            for index, family in enumerate(self.families):
                answer = self.gateway.refresh(family, http)
                assert answer.status_code == 200, answer.text
                self.families[index] = {**family, **answer.json()}
        for name, values in (("calls", self.called), ("refreshes", self.issued), ("revocations", self.revoked), ("records", records)):
            self.counts[name] += len(values)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(KillLoop(Path(folder) / "g").run(seconds)))


if __name__ == "__main__":
    main()
