"""Starts MCP servers of other people's making, for the gateway to stand before."""
from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from gateway import ROOT

HERE = Path(__file__).parent / "upstreams"
PYTHON = {"modern": ROOT / ".build/venv/bin/python", "legacy": ROOT / ".build/venv-mcp1/bin/python"}


class Upstream:
    """One server process on a free port of loopback."""

    def __init__(self, era: str, log: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [str(PYTHON[era]), str(HERE / f"{era}_server.py"), str(self.port)]
        self.command, self.log = command, log
        self.start()

    url = property(lambda self: f"http://127.0.0.1:{self.port}/mcp")

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-2000:]
                time.sleep(0.05)

    def seen(self) -> list[dict]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/seen", timeout=5) as answer:
            return json.load(answer)

    def stop(self):
        self.process.kill()
        self.process.wait(10)


OVERLAY = """
limits: {{ user: off, tool: {{ default: off }} }}
upstreams:
  - {{ name: modern, path: /mcp/modern, url: "{modern}", credential: {{ header: Authorization, format: "Bearer {{key}}" }},
      trust_annotations: true, timeout: 5s }}
  - {{ name: legacy, path: /mcp/legacy, url: "{legacy}", trust_annotations: true, timeout: 5s }}
  - {{ name: strict, path: /mcp/strict, url: "{modern}", credential: {{ header: Authorization, format: "Bearer {{key}}" }},
      tools: {{ echo: read, erase: execute }}, timeout: 5s }}
"""


def personal_token(gateway, user: str, *scopes: str) -> str:
    words = [word for scope in scopes for word in ("--scope", scope)]
    out = gateway.command("token", "issue", user, "--name", "test", *words, "--json")
    assert out.returncode == 0, out.stderr
    value = json.loads(out.stdout)
    return value["token"] if isinstance(value, dict) else value


def set_key(gateway, user: str, engine: str, key: str):
    out = gateway.command("key", "set", user, engine, "--stdin", input=key + "\n")
    assert out.returncode == 0, out.stderr
