"""Servers behind the gateway, driven by the official client of the older era (mcp 1.x)."""
import asyncio

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import ElicitResult

from gateway import Gateway
from upstream import OVERLAY, Upstream, personal_token, set_key


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("upstreams")
    running = {era: Upstream(era, folder / f"{era}.log") for era in ("modern", "legacy")}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, servers):
    overlay = OVERLAY.format(modern=servers["modern"].url, legacy=servers["legacy"].url)
    running = Gateway(tmp_path_factory.mktemp("gateway"), overlay).start()
    set_key(running, "demo", "modern", "key-of-demo")
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize("engine", ["modern", "legacy"])
def test_the_older_client_uses_every_feature_of_an_upstream_of_either_era(gateway, engine):
    token = personal_token(gateway, "demo", f"{engine}:admin")
    progress = []

    def factory(headers=None, timeout=None, auth=None):
        return httpx.AsyncClient(verify=gateway.tls(), headers=headers, timeout=timeout or 30, auth=auth)

    async def elicit(context, params):
        return ElicitResult(action="accept", content={"name": "Ann"})

    async def note(value, total, message):
        progress.append((value, total, message))

    async def session():
        url = f"{gateway.issuer}/mcp/{engine}"
        async with streamablehttp_client(url, headers={"Authorization": f"Bearer {token}"}, httpx_client_factory=factory) as streams:
            async with ClientSession(streams[0], streams[1], elicitation_callback=elicit) as client:
                await client.initialize()
                assert "echo" in {tool.name for tool in (await client.list_tools()).tools}
                assert (await client.call_tool("echo", {"text": "hi"})).content[0].text == "echo: hi"
                assert (await client.call_tool("add", {"a": 1, "b": 2})).structuredContent == {"sum": 3}
                assert (await client.call_tool("boom", {})).isError
                counted = await client.call_tool("count", {"to": 3}, progress_callback=note)
                assert counted.content[0].text == "counted to 3"
                assert (await client.call_tool("ask", {})).content[0].text.startswith("accept Ann")
                assert (await client.read_resource("note://one")).contents[0].text == "the note"
                assert (await client.get_prompt("greet", {"name": "Bob"})).messages[0].content.text == "Greet Bob."

    asyncio.run(asyncio.wait_for(session(), 60))
    assert progress == [(1.0, 3.0, "at 1"), (2.0, 3.0, "at 2"), (3.0, 3.0, "at 3")]
