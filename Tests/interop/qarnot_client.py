"""An MCP client of the gateway with a personal token, whose every structured result is held against its schema."""
import json
import urllib.request
from contextlib import asynccontextmanager

import httpx2
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

#: Enough for a test that calls every tool many times over.
NO_LIMITS = """
limits:
  user: off
  tool: { default: off, "qarnot/submit_task": off }
"""


def token(gateway, user: str, scope: str = "qarnot:admin") -> str:
    made = gateway.command("token", "issue", user, "--name", "interop", "--scope", scope, "--json")
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["token"]


def admin(gateway, method: str, path: str, body=None):
    """The simulator's controls."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(gateway.ready["qarnot_admin_url"] + path, data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class Tools:
    """The tools of one session; remembers which were called."""

    def __init__(self, client, listed):
        self.client, self.listed, self.called = client, {tool.name: tool for tool in listed}, set()
        self.validators = {}
        for name, tool in self.listed.items():
            Draft202012Validator.check_schema(tool.input_schema)
            Draft202012Validator.check_schema(tool.output_schema)
            self.validators[name] = Draft202012Validator(tool.output_schema)

    async def call(self, name, /, **arguments):
        result = await self.client.call_tool(name, arguments)
        assert result.structured_content is not None, (name, result.content)
        problems = [error.message for error in self.validators[name].iter_errors(result.structured_content)]
        assert not problems, (name, problems)
        assert len(json.dumps(result.structured_content, ensure_ascii=False)) <= 100_000
        return result

    async def ok(self, name, /, **arguments):
        result = await self.call(name, **arguments)
        assert not result.is_error, (name, result.structured_content)
        self.called.add(name)
        return result.structured_content

    async def fail(self, name, /, **arguments):
        result = await self.call(name, **arguments)
        assert result.is_error, (name, result.structured_content)
        return result.structured_content


@asynccontextmanager
async def tools(gateway, bearer: str):
    async with httpx2.AsyncClient(verify=gateway.tls(), headers={"Authorization": f"Bearer {bearer}"}, timeout=60) as http:
        async with Client(streamable_http_client(gateway.mcp_url, http_client=http)) as client:
            listed, cursor = [], None
            while True:
                page = await (client.list_tools(cursor=cursor) if cursor else client.list_tools())
                listed += page.tools
                cursor = page.next_cursor
                if not cursor:
                    break
            yield Tools(client, listed)
