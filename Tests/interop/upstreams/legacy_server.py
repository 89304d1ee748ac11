"""An MCP server of mcp 1.x: the handshake first, sessions, questions on streams. Takes no key."""
import asyncio
import sys

from mcp.server.fastmcp import Context, FastMCP
from mcp.types import ToolAnnotations
from pydantic import BaseModel

server = FastMCP("legacy-upstream", host="127.0.0.1", port=int(sys.argv[1]), log_level="WARNING")
READ = ToolAnnotations(readOnlyHint=True)


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
