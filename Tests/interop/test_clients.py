"""Clients of other makers, with their own OAuth code, from nothing but a URL: fastmcp and Authlib."""
import asyncio
import secrets
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest
from authlib.integrations.httpx_client import OAuth2Client
from fastmcp import Client
from fastmcp.client.auth import OAuth
from fastmcp.client.auth import oauth as fastmcp_oauth


def person(gateway):
    """Stands in for the browser fastmcp opens: signs in, agrees, and brings the answer to the client's own listener."""
    def answer(url):
        landed = gateway.browse(url)
        for _ in range(100):
            try:
                return httpx.get(landed, timeout=10)
            except httpx.ConnectError:
                time.sleep(0.05)  # fastmcp opens the browser first, and listens then
        raise AssertionError(f"nobody listens at {landed}")

    return lambda url: threading.Thread(target=answer, args=(url,), daemon=True).start()


def fastmcp_client(gateway, monkeypatch, url=None, mode="auto", **options):
    import httpx2
    monkeypatch.setattr(fastmcp_oauth.webbrowser, "open", person(gateway))
    factory = lambda *a, **k: httpx2.AsyncClient(*a, **{**k, "verify": gateway.tls()})
    from fastmcp.client.transports import StreamableHttpTransport
    auth = OAuth(httpx_client_factory=factory, client_name="fastmcp interop", **options)
    return Client(StreamableHttpTransport(url or gateway.mcp_url, auth=auth, httpx_client_factory=factory), mode=mode)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_fastmcp_connects_and_runs_a_task(gateway, monkeypatch, mode):
    async def session():
        async with fastmcp_client(gateway, monkeypatch, mode=mode) as client:
            names = {tool.name for tool in await client.list_tools()}
            assert {"whoami", "submit_task", "wait_for_task"} <= names
            assert (await client.call_tool("whoami", {})).structured_content["user"] == "demo"
            made = await client.call_tool("submit_task", {
                "name": "fastmcp", "profile": "docker-batch", "instance_count": 1,
                "constants": [{"key": "DOCKER_CMD", "value": "echo hi"}]})
            uuid = made.structured_content["uuid"]
            seen = []

            async def progress(value, total, message):
                seen.append(value)

            waited = await client.call_tool("wait_for_task", {"task_uuid": uuid, "timeout_s": 30}, progress_handler=progress)
            assert waited.structured_content["state"] == "Success" and seen == sorted(set(seen))
            assert any("{uuid}" in t.uri_template
                       for t in await client.list_resource_templates())
            assert {prompt.name for prompt in await client.list_prompts()} >= {"run_docker_batch", "diagnose_failed_task"}

    asyncio.run(session())


def test_fastmcp_with_a_preregistered_client(gateway, monkeypatch):
    """CLI-1: an administrator's client; loopback ports differ at each start (CLI-3)."""
    made = gateway.command("client", "add", "--name", "fastmcp", "--redirect", "http://localhost:9/callback", "--json")
    assert made.returncode == 0, made.stderr
    import json
    client_id = json.loads(made.stdout)["client_id"]

    async def session():
        async with fastmcp_client(gateway, monkeypatch, client_id=client_id) as client:
            assert (await client.call_tool("whoami", {})).structured_content["user"] == "demo"

    asyncio.run(session())


def authlib_client(gateway, registered, **options):
    return OAuth2Client(
        registered["client_id"], registered.get("client_secret"), redirect_uri=registered["redirect_uris"][0],
        token_endpoint_auth_method=registered["token_endpoint_auth_method"], code_challenge_method="S256",
        verify=gateway.tls(), timeout=30, **options)


def test_authlib_discovers_grants_refreshes_introspects_and_revokes(gateway):
    with gateway.http() as http:
        resource = http.get(f"{gateway.issuer}/.well-known/oauth-protected-resource{urlsplit(gateway.mcp_url).path}").json()
        server = http.get(resource["authorization_servers"][0] + "/.well-known/oauth-authorization-server").json()
    registered = gateway.register(token_endpoint_auth_method="client_secret_basic")
    client = authlib_client(gateway, registered, scope="qarnot:read")
    verifier = secrets.token_urlsafe(48)
    url, state = client.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier, resource=gateway.mcp_url)
    landed = gateway.browse(url)
    token = client.fetch_token(
        server["token_endpoint"], authorization_response=landed, code_verifier=verifier, state=state)
    assert token["token_type"] == "Bearer" and token["scope"] == "qarnot:read"
    assert gateway.call(token["access_token"], "whoami").status_code == 200
    newer = client.refresh_token(server["token_endpoint"], refresh_token=token["refresh_token"])
    assert newer["access_token"] != token["access_token"]
    assert client.revoke_token(server["revocation_endpoint"], newer["refresh_token"], "refresh_token").status_code == 200
    assert gateway.call(newer["access_token"], "whoami").status_code == 401


def test_authlib_gets_a_service_token_with_its_own_signed_assertion(gateway):
    """CC-1, AUTH-3: private_key_jwt as Authlib makes it, with the issuer as audience and a life of minutes."""
    import json
    from joserfc.jwk import RSAKey
    from authlib.oauth2.rfc7523 import PrivateKeyJWT
    key = RSAKey.generate_key(2048, {"kid": "interop"})
    folder = gateway.folder / "authlib"
    folder.mkdir(exist_ok=True)
    (folder / "jwks.json").write_text(json.dumps({"keys": [{**key.as_dict(private=False), "kid": "interop", "alg": "RS256"}]}))
    name = "authlib-" + secrets.token_hex(3)
    gateway.add_user(name, "viewer")
    made = gateway.command("client", "add", "--name", "authlib", "--service-user", name, "--jwks", str(folder / "jwks.json"), "--json")
    assert made.returncode == 0, made.stderr
    client = OAuth2Client(json.loads(made.stdout)["client_id"], key.as_pem(private=True).decode(),
                          token_endpoint_auth_method="private_key_jwt", verify=gateway.tls(), timeout=30)
    client.register_client_auth_method(PrivateKeyJWT(gateway.issuer, claims={"exp": int(time.time()) + 120}, alg="RS256", headers={"kid": "interop"}))
    token = client.fetch_token(gateway.issuer + "/token", grant_type="client_credentials", scope="qarnot:read")
    assert "refresh_token" not in token
    me = gateway.call(token["access_token"], "whoami").json()["result"]["structuredContent"]
    assert (me["user"], me["scopes"]) == (name, ["qarnot:read"])
