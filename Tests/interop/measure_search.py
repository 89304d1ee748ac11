"""How long `audit search` takes over a log of many records, all written by the gateway itself under load.

Not a test: run it by hand with a release binary and 10 GB to spare,
GATEHOUSE_BIN=.build/release/gatehouse python Tests/interop/measure_search.py [RECORDS]     (ten million when not given; needs wrk)
"""
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateway import BINARY, MODERN, Gateway

PEOPLE = 40
OVERLAY = """
audit: { durability: batched }
limits: { address: off, user: off, tool: { default: off } }
"""
SCRIPT = """
wrk.method = 'POST'
wrk.body = [[%s]]
%s
local tokens, built, turn = {%s}, {}, 0
init = function() for i, one in ipairs(tokens) do wrk.headers['Authorization'] = 'Bearer ' .. one; built[i] = wrk.format() end end
request = function() turn = turn %% #built + 1; return built[turn] end
"""


def load(gateway, folder, tokens, seconds):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}})
    fields = {"Content-Type": "application/json", "Accept": "application/json", "MCP-Protocol-Version": MODERN,
              "Mcp-Method": "tools/call", "Mcp-Name": "whoami"}
    script = folder / "calls.lua"
    script.write_text(SCRIPT % (body, "\n".join(f"wrk.headers['{k}'] = '{v}'" for k, v in fields.items()),
                                ",".join(f"'{one}'" for one in tokens)))
    subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", str(script), gateway.mcp_url], check=True, capture_output=True)


def count(gateway):
    """The number in the head kept beside the log."""
    return int((Path(gateway.ready["data_dir"]) / "gatehouse.db.audit-head").read_text().split()[1])


def timed(gateway, *filters):
    begin = time.perf_counter()
    done = subprocess.run([BINARY, "audit", "search", *filters, "--json", "--data-dir", gateway.ready["data_dir"]],
                          capture_output=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return {"search": " ".join(filters), "found": done.stdout.count(b"\n"), "seconds": round(time.perf_counter() - begin, 2)}


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gateway = Gateway(folder / "g", OVERLAY).start()
        people = [gateway.add_user(f"person{number}") for number in range(PEOPLE)]
        tokens = [gateway.grant(one)["access_token"] for one in people]
        rare, begin = [], time.time()
        while count(gateway) < wanted:
            load(gateway, folder, tokens, 20)
            # One person in between, whose records stand alone.
            rare.append(gateway.add_user(f"rare{len(rare)}"))
            gateway.grant(rare[-1])
            print(f"{count(gateway):>12,} records after {time.time() - begin:.0f} s", file=sys.stderr)
        half = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((begin + time.time()) / 2))
        minute = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((begin + time.time()) / 2 + 1))
        known = gateway.records("--user", "rare1", "-n", "1")[0]["request_id"]
        searches = [("--user", "rare1"), ("--user", "nobody"), ("--request-id", known), ("--event", "user.created"),
                    ("--user", "rare1", "--outcome", "success"), ("--user", "person7", "-n", "100"),
                    ("--since", half, "--until", minute, "-n", "1000"), ("--event", "token.refreshed")]
        rows = [timed(gateway, *one) for one in searches for _ in range(2)]
        log = sum(path.stat().st_size for path in (Path(gateway.ready["data_dir"]) / "audit").glob("*.jsonl"))
        index = sum(path.stat().st_size for path in (Path(gateway.ready["data_dir"]) / "audit").iterdir()) - log
        print(json.dumps({"records": count(gateway), "log_bytes": log, "other_bytes": index, "searches": rows}, indent=1))
        assert gateway.stop() == 0


if __name__ == "__main__":
    main()
