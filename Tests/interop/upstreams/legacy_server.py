"""An MCP server of mcp 1.x: the handshake first, sessions, questions on streams. Takes no key."""
import asyncio
import sys
import weakref

from mcp.server.fastmcp import Context, FastMCP
from mcp.server.lowlevel import NotificationOptions
from mcp.server.session import ServerSession
from mcp.types import ToolAnnotations
from pydantic import BaseModel

server = FastMCP("legacy-upstream", host="127.0.0.1", port=int(sys.argv[1]), log_level="WARNING")
READ = ToolAnnotations(readOnlyHint=True)

sessions: weakref.WeakSet = weakref.WeakSet()
watched: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
begin, declare = ServerSession.__init__, server._mcp_server.get_capabilities


def remember(self, *args, **options):
    begin(self, *args, **options)
    sessions.add(self)


def declared(options, experimental):
    found = declare(NotificationOptions(tools_changed=True, prompts_changed=True, resources_changed=True), experimental)
    found.resources.subscribe = True
    return found


# FastMCP of 1.x declares no changes, though its sessions can tell them.
ServerSession.__init__, server._mcp_server.get_capabilities = remember, declared


@server._mcp_server.subscribe_resource()
async def subscribe(uri):
    watched.setdefault(server._mcp_server.request_context.session, set()).add(str(uri))


@server._mcp_server.unsubscribe_resource()
async def unsubscribe(uri):
    watched.get(server._mcp_server.request_context.session, set()).discard(str(uri))


class Who(BaseModel):
    name: str


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


@server.tool(annotations=ToolAnnotations(destructiveHint=True))
def erase(name: str) -> str:
    """Erases."""
    return f"erased {name}"


@server.tool(annotations=READ)
async def ask(ctx: Context) -> str:
    """Asks who is there."""
    answer = await ctx.elicit("Who is there?", Who)
    return f"{answer.action} {answer.data.name if answer.action == 'accept' else None}"


@server.tool(annotations=READ)
async def change(uri: str) -> str:
    """Tells everybody that tools, prompts and a resource changed."""
    for session in list(sessions):
        await session.send_prompt_list_changed()
        await session.send_tool_list_changed()
        if uri in watched.get(session, set()):
            await session.send_resource_updated(uri)
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


if __name__ == "__main__":
    server.run("streamable-http")
