"""The official MCP client of today with its own OAuth provider: it knows nothing but the URL."""
import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata


class Memory:
    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, info):
        self.client = info


async def with_client(gateway, body):
    landed = {}

    async def redirect(url):
        end = await asyncio.to_thread(gateway.browse, url)
        landed.update({key: values[0] for key, values in parse_qs(urlsplit(end).query).items()})

    async def callback():
        return AuthorizationCodeResult(code=landed["code"], state=landed.get("state"), iss=landed.get("iss"))

    metadata = OAuthClientMetadata(
        client_name="interop", redirect_uris=["http://127.0.0.1:3999/callback"], token_endpoint_auth_method="none",
        grant_types=["authorization_code", "refresh_token"], response_types=["code"])
    auth = OAuthClientProvider(gateway.mcp_url, metadata, Memory(), redirect, callback)
    async with httpx2.AsyncClient(verify=gateway.tls(), auth=auth, timeout=30) as http:
        async with Client(streamable_http_client(gateway.mcp_url, http_client=http)) as client:
            return await body(client)


def test_a_client_that_knows_only_the_url_runs_a_task_to_its_end(gateway):
    progress = []

    async def session(client):
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"whoami", "submit_task", "submit_job", "wait_for_task", "get_task_logs", "list_profiles", "list_jobs"} <= names
        me = (await client.call_tool("whoami", {})).structured_content
        assert (me["user"], me["key"]) == ("demo", "present")
        made = await client.call_tool("submit_task", {
            "name": "interop", "profile": "docker-batch", "instance_count": 2,
            "constants": [{"key": "DOCKER_CMD", "value": "echo hello"}]})
        uuid = made.structured_content["uuid"]

        async def note(value, total, message):
            progress.append(value)

        waited = await client.call_tool("wait_for_task", {"task_uuid": uuid, "timeout_s": 30}, progress_callback=note)
        assert waited.structured_content["state"] == "Success"
        logs = await client.call_tool("get_task_logs", {"task_uuid": uuid, "log_type": "stdout"})
        assert "echo hello" in logs.structured_content["text"]

    asyncio.run(with_client(gateway, session))
    assert progress and progress == sorted(set(progress)), progress


def test_bad_arguments_are_told_to_the_model_not_to_the_transport(gateway):
    async def session(client):
        result = await client.call_tool("get_task", {})
        assert result.is_error and "task_uuid" in str(result.content)

    asyncio.run(with_client(gateway, session))
