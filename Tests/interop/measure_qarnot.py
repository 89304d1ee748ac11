"""What a tool call adds to calling the Qarnot API directly: medians of the same reading, in turn, in one run.

Not a test: run it by hand with a release binary, GATEHOUSE_BIN=.build/release/gatehouse python Tests/interop/measure_qarnot.py
"""
import http.client
import json
import ssl
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from gateway import MODERN, Gateway
from qarnot_client import NO_LIMITS, token

ROUNDS = 1000


def main():
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder), NO_LIMITS).start()
        bearer = token(gateway, "demo", "qarnot:read")
        direct = http.client.HTTPConnection(urlsplit(gateway.ready["qarnot_url"]).netloc)
        site = urlsplit(gateway.mcp_url)
        through = http.client.HTTPSConnection(site.netloc, context=gateway.tls())
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "list_profiles", "arguments": {}, "_meta": {
                "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}})
        fields = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                  "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "list_profiles"}

        def once(connection, method, path, headers, content=None):
            start = time.perf_counter()
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200 and b"docker-batch" in text, text
            return (time.perf_counter() - start) * 1000

        times = {"direct": [], "through": []}
        for _ in range(ROUNDS):
            times["direct"].append(once(direct, "GET", "/profiles", {"Authorization": gateway.user["qarnot_key"]}))
            times["through"].append(once(through, "POST", site.path, fields, body))
        medians = {name: round(statistics.median(values[ROUNDS // 10:]), 3) for name, values in times.items()}
        print(json.dumps({**medians, "added_ms": round(medians["through"] - medians["direct"], 3), "rounds": ROUNDS}))
        assert gateway.stop() == 0


if __name__ == "__main__":
    main()
