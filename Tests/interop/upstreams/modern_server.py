"""An MCP server of mcp 2.x: speaks 2026-07-28 and the older revisions. Wants a key: `Authorization: Bearer key-<user>`."""
import asyncio
import sys

import mcp_types as types
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from starlette.responses import Response

server = MCPServer("modern-upstream", instructions="An upstream of tests.")
READ = types.ToolAnnotations(readOnlyHint=True)
seen: list[dict] = []


@server.tool(annotations=READ)
def echo(text: str) -> str:
    """Says it again."""
    return f"echo: {text}"


@server.tool(annotations=READ)
def add(a: int, b: int) -> dict[str, int]:
    """Adds."""
    return {"sum": a + b}


@server.tool(annotations=READ)
async def count(to: int, ctx: Context) -> str:
    """Counts, and reports."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, f"at {number}")
        await asyncio.sleep(0.02)
    return f"counted to {to}"


@server.tool(annotations=READ)
async def slow(seconds: float) -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return "done"


@server.tool(annotations=READ)
def boom() -> str:
    """Fails."""
    raise ValueError("boom")


@server.tool(annotations=types.ToolAnnotations(destructiveHint=True))
def erase(name: str) -> str:
    """Erases."""
    return f"erased {name}"


@server.tool(annotations=READ)
async def ask(ctx: Context) -> str | types.InputRequiredResult:
    """Asks who is there."""
    answers = ctx.input_responses or {}
    if "who" not in answers:
        question = types.ElicitRequest(params=types.ElicitRequestFormParams(
            message="Who is there?",
            requested_schema={"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}))
        return types.InputRequiredResult(input_requests={"who": question}, request_state="state-1")
    answer = answers["who"]
    return f"{answer.action} {(answer.content or {}).get('name')} {ctx.request_state}"


@server.tool(annotations=READ)
async def change(uri: str, ctx: Context) -> str:
    """Tells everybody that tools, prompts and a resource changed."""
    await ctx.notify_prompts_changed()
    await ctx.notify_tools_changed()
    await ctx.notify_resource_updated(uri)
    return "changed"


@server.tool(annotations=READ)
async def chat(ctx: Context) -> str:
    """Logs."""
    await ctx.debug("a detail")
    await ctx.warning("a warning")
    return "said"


@server.resource("note://one")
def note() -> str:
    """A note."""
    return "the note"


@server.prompt()
def greet(name: str) -> str:
    """Greets."""
    return f"Greet {name}."


class Key:
    """Refuses whoever comes without a key, and remembers what came."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if scope["path"] == "/seen":
            import json
            return await Response(json.dumps(seen), media_type="application/json")(scope, receive, send)
        seen.append({"method": scope["method"], **headers})
        key = headers.get("authorization", "")
        if not key.startswith("Bearer key-"):
            return await Response("who are you", 401, {"WWW-Authenticate": 'Bearer realm="upstream"', "Set-Cookie": "a=b"})(
                scope, receive, send)
        await self.app(scope, receive, send)


if __name__ == "__main__":
    uvicorn.run(Key(server.streamable_http_app()), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
