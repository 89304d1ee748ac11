"""Starts the fixture server and speaks raw JSON-RPC to it. Needs only httpx."""
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("EVERYTHING_BIN", str(Path(os.environ.get("GATEHOUSE_BIN", ROOT / ".build/debug/x")).parent / "mcp-everything"))
MODERN = "2026-07-28"
BOTH = "application/json, text/event-stream"


class Everything:
    """One running mcp-everything."""

    def __init__(self):
        self.process = subprocess.Popen([BINARY, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[1]

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(20)


def events(response: httpx.Response):
    """Each event of a stream as (id, message); message None where there is no data."""
    ident, data = None, None
    for line in response.iter_lines():
        if line.startswith("id:"):
            ident = line[3:].strip()
        elif line.startswith("data:"):
            data = line[5:].strip()
        elif line == "" and (ident is not None or data is not None):
            yield ident, json.loads(data) if data else None
            ident, data = None, None


class Legacy:
    """A client of the handshake era, as raw as it gets."""

    def __init__(self, url: str, version: str = "2025-11-25", capabilities: dict | None = None, headers: dict | None = None, **options):
        self.url, self.version, self.session, self.ids = url, version, None, 0
        self.http = httpx.Client(timeout=20, headers=headers or {}, **options)
        self.side = httpx.Client(timeout=20, headers=headers or {}, **options)  # answers while the other reads a stream
        answer = self.post("initialize", {
            "protocolVersion": version, "capabilities": capabilities if capabilities is not None else {"elicitation": {}, "sampling": {}},
            "clientInfo": {"name": "raw", "version": "1"}})
        self.hello = answer.json()["result"]
        self.session = answer.headers.get("mcp-session-id")
        assert self.send({"jsonrpc": "2.0", "method": "notifications/initialized"}).status_code == 202

    def headers(self, **extra) -> dict:
        head = {"Accept": BOTH, "Content-Type": "application/json", **extra}
        if self.session:
            head |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": self.version}
        return head

    def message(self, method: str, params: dict | None = None) -> dict:
        self.ids += 1
        return {"jsonrpc": "2.0", "id": self.ids, "method": method, **({"params": params} if params is not None else {})}

    def send(self, message, **headers) -> httpx.Response:
        return self.http.post(self.url, json=message, headers=self.headers(**headers))

    def post(self, method: str, params: dict | None = None) -> httpx.Response:
        return self.send(self.message(method, params))

    def call(self, tool: str, arguments: dict | None = None, answer=None, meta: dict | None = None) -> tuple[dict, list]:
        """The response of a tool call and what came before it. `answer` answers questions of the server."""
        message = self.message("tools/call", {"name": tool, "arguments": arguments or {}, **({"_meta": meta} if meta else {})})
        before = []
        with self.http.stream("POST", self.url, json=message, headers=self.headers()) as response:
            if "json" in response.headers["content-type"]:
                return json.loads(response.read()), before
            for _, event in events(response):
                if event is None:
                    continue
                if event.get("id") == message["id"] and "method" not in event:
                    return event, before
                before.append(event)
                if "id" in event:
                    reply = {"jsonrpc": "2.0", "id": event["id"], "result": answer(event)}
                    assert self.side.post(self.url, json=reply, headers=self.headers()).status_code == 202
        raise AssertionError(f"the stream ended without a response: {before}")

    def get(self, **headers):
        head = {"Accept": "text/event-stream", "Mcp-Session-Id": self.session, "MCP-Protocol-Version": self.version, **headers}
        return self.http.stream("GET", self.url, headers=head)

    def end(self) -> httpx.Response:
        return self.http.delete(self.url, headers={"Mcp-Session-Id": self.session, "MCP-Protocol-Version": self.version})


def modern(url: str, method: str, params: dict | None = None, capabilities: dict | None = None, meta: dict | None = None,
           headers: dict | None = None, id=1, http: httpx.Client | None = None) -> httpx.Response:
    """One request of 2026-07-28."""
    params = {**(params or {}), "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN,
                                          "io.modelcontextprotocol/clientCapabilities": capabilities or {}, **(meta or {})}}
    head = {"Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    name = params.get("taskId" if method.startswith("tasks/") else "uri" if method.startswith("resources/") else "name")
    if name:
        head["Mcp-Name"] = name
    body = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    return (http or httpx).post(url, json=body, headers={**head, **(headers or {})}, timeout=20)
