"""The official client of the older era (1.x) drives the fixture server."""
import asyncio
from datetime import timedelta

from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client
from pydantic import AnyUrl


def test_a_client_of_the_older_era_uses_every_feature(everything):
    progress, logs, changes = [], [], []

    async def elicit(context, params):
        return types.ElicitResult(action="accept", content={"username": "ada", "email": "ada@example.com", "name": "Ada", "ok": True})

    async def sample(context, params):
        return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text="Paris"), model="m")

    async def roots(context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///tmp")])

    async def log(params):
        logs.append(params.data)

    async def hear(message):
        if isinstance(message, types.ServerNotification):
            changes.append(type(message.root).__name__)

    async def session():
        async with streamablehttp_client(everything.url) as (read, write, _):
            async with ClientSession(read, write, read_timeout_seconds=timedelta(seconds=30), elicitation_callback=elicit,
                                     sampling_callback=sample, list_roots_callback=roots, logging_callback=log,
                                     message_handler=hear) as client:
                assert (await client.initialize()).protocolVersion == "2025-11-25"
                await client.send_ping()
                await client.set_logging_level("debug")
                assert (await client.list_tools()).tools[0].name == "test_simple_text"

                async def note(value, total, message):
                    progress.append(value)

                await client.call_tool("test_tool_with_progress", {}, progress_callback=note)
                await client.call_tool("test_tool_with_logging", {})

                async def text(name, arguments=None):
                    result = await client.call_tool(name, arguments or {})
                    assert not result.isError, result
                    return result.content[0].text

                assert await text("test_sampling", {"prompt": "?"}) == "LLM response: Paris"
                assert "ada@example.com" in await text("test_elicitation", {"message": "?"})
                assert await text("test_input_required_result_list_roots") == "Found 1 root(s)"
                assert "state-ok" in await text("test_input_required_result_request_state")
                assert "Reconnection" in await text("test_reconnection")
                assert (await client.call_tool("test_structured_content", {})).structuredContent == {"temperature": 21.5, "unit": "celsius"}
                assert (await client.read_resource(AnyUrl("test://static-text"))).contents[0].mimeType == "text/plain"
                await client.subscribe_resource(AnyUrl("test://watched-resource"))
                await asyncio.sleep(0.2)  # the client opens its own stream in the background
                await client.call_tool("test_trigger_resource_update", {})
                await client.call_tool("test_trigger_prompt_change", {})
                for _ in range(100):
                    if len([name for name in changes if "Progress" not in name and "Logging" not in name]) >= 2:
                        break
                    await asyncio.sleep(0.05)
                await client.unsubscribe_resource(AnyUrl("test://watched-resource"))
                prompt = await client.get_prompt("test_simple_prompt")
                assert prompt.messages[0].content.text == "This is a simple prompt for testing."
                reference = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
                assert (await client.complete(reference, {"name": "arg1", "value": "g"})).completion.values == ["gamma"]

    asyncio.run(session())
    assert progress == [0, 50, 100] and len(logs) == 3
    assert {"ResourceUpdatedNotification", "PromptListChangedNotification"} <= set(changes)
