"""The official MCP client of the older era (1.x): handshake first, its own OAuth provider."""
import asyncio
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.auth import OAuthClientMetadata


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


def test_a_client_of_the_older_era_runs_a_task(gateway):
    landed, progress = {}, []

    async def redirect(url):
        end = await asyncio.to_thread(gateway.browse, url)
        landed.update({key: values[0] for key, values in parse_qs(urlsplit(end).query).items()})

    async def callback():
        return landed["code"], landed.get("state")

    def factory(headers=None, timeout=None, auth=None):
        return httpx.AsyncClient(verify=gateway.tls(), headers=headers, timeout=timeout or 30, auth=auth, follow_redirects=True)

    async def session():
        metadata = OAuthClientMetadata(
            client_name="interop 1.x", redirect_uris=["http://localhost:3998/callback"], token_endpoint_auth_method="none",
            grant_types=["authorization_code", "refresh_token"], response_types=["code"])
        auth = OAuthClientProvider(gateway.mcp_url, metadata, Memory(), redirect, callback)
        async with streamablehttp_client(gateway.mcp_url, auth=auth, httpx_client_factory=factory) as (read, write, _):
            async with ClientSession(read, write, read_timeout_seconds=timedelta(seconds=60)) as client:
                hello = await client.initialize()
                assert hello.protocolVersion == "2025-11-25"
                await client.send_ping()
                made = await client.call_tool("submit_job", {
                    "job_name": "older", "job_config": {"docker_image": "library/ubuntu:22.04", "command": "echo older"}, "instance_count": 1})
                job = made.structuredContent["job_id"]

                async def note(value, total, message):
                    progress.append(value)

                waited = await client.call_tool("wait_for_task", {"task_uuid": job, "timeout_s": 30}, progress_callback=note)
                assert waited.structuredContent["state"] == "Success", waited
                status = await client.call_tool("get_job_status", {"job_id": job})
                assert status.structuredContent["status"] == "completed"

    asyncio.run(session())
    assert progress and progress == sorted(set(progress))
