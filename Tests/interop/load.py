"""Clients that call a tool again and again and count what goes wrong: no retries, no second chances."""
from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway import MODERN, Gateway


@dataclass
class Load:
    """`persistent` clients reuse a connection until told to close it; the others connect for each request."""
    gateway: Gateway
    token: str
    clients: int = 64
    persistent: int = 48
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    stopping: bool = False

    def __post_init__(self):
        url = urlsplit(self.gateway.mcp_url)
        self.host, self.port, self.tls = url.hostname, url.port, self.gateway.tls()
        meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                           "params": {"name": "whoami", "arguments": {}, "_meta": meta}}).encode()
        head = (f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
                f"Authorization: Bearer {self.token}\r\nMCP-Protocol-Version: {MODERN}\r\nMcp-Method: tools/call\r\nMcp-Name: whoami\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")
        self.request = head.encode() + body

    async def run(self, requests: int | None = None, seconds: float | None = None) -> None:
        """Until so many requests were answered, or for so long, or until `stopping`."""
        end = time.monotonic() + (seconds or 300)
        self.over = lambda: self.stopping or time.monotonic() > end or (requests is not None and self.answered >= requests)
        await asyncio.gather(*(self.client(number < self.persistent) for number in range(self.clients)))

    async def client(self, is_persistent: bool) -> None:
        connection = None
        while not self.over():
            try:
                if connection is None:
                    connection = await asyncio.wait_for(
                        asyncio.open_connection(self.host, self.port, ssl=self.tls, server_hostname="localhost"), 20)
                keeps = await asyncio.wait_for(self.exchange(*connection), 20)
            except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError, AssertionError) as error:
                self.failures.append(repr(error))
                keeps = False
            if connection and not (keeps and is_persistent):
                connection[1].close()
                connection = None
        if connection:
            connection[1].close()

    async def exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request. True when the connection may serve another."""
        writer.write(self.request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ", 1)[1].split("\r\n", 1)[0])
        body = await reader.readexactly(length)
        assert head.startswith("http/1.1 200") and b'"user"' in body, head + body.decode()
        self.answered += 1
        return "connection: close" not in head
