"""Opens many listen streams over TLS and tells what each costs the server. By hand:

    GATEHOUSE_BIN=.build/release/gatehouse .build/venv/bin/python Tests/interop/measure_streams.py 5000
"""
import asyncio
import json
import resource
import sys
import tempfile
from pathlib import Path

from gateway import MODERN, Gateway

OVERLAY = "server: { limits: { connections: 20000 } }\nlimits: { address: off, streams: 100000 }\n"


def resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


async def open_streams(gateway: Gateway, token: str, count: int, body: bytes, head: str) -> list:
    tls, gate = gateway.tls(), asyncio.Semaphore(64)
    port = int(gateway.mcp_url.split(":")[2].split("/")[0])

    async def one():
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost", limit=4096)
            writer.write(head.encode() + body)
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            assert b"acknowledged" in await reader.readuntil(b"\n\n")
            return reader, writer

    return await asyncio.gather(*(one() for _ in range(count)))


async def main(count: int) -> None:
    gateway = Gateway(Path(tempfile.mkdtemp()), OVERLAY).start()
    token = gateway.command("token", "issue", "demo", "--name", "streams", "--scope", "qarnot:read").stdout.split()[-1]
    meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen",
                       "params": {"notifications": {"toolsListChanged": True}, "_meta": meta}}).encode()
    head = (f"POST /mcp HTTP/1.1\r\nHost: {gateway.issuer[8:]}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"Authorization: Bearer {token}\r\nMCP-Protocol-Version: {MODERN}\r\nMcp-Method: subscriptions/listen\r\nContent-Length: {len(body)}\r\n\r\n")
    held = await open_streams(gateway, token, 16, body, head)  # what the first ones cost is not per stream
    await asyncio.sleep(3)
    before = resident(gateway.process.pid)
    held += await open_streams(gateway, token, count, body, head)
    for seconds in (5, 20, 40):
        await asyncio.sleep(seconds)
        now = resident(gateway.process.pid)
        print(f"{count} streams, {seconds} s later: {before} KiB before, {now} KiB now, {(now - before) / count:.1f} KiB each", flush=True)
    kept = sum(1 for reader, _ in held if len(reader._buffer) > 0)
    print(f"{kept} of {len(held)} streams have had a keep-alive")
    for _, writer in held:
        writer.transport.abort()
    gateway.stop()


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
