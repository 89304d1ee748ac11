"""Servers behind the gateway, driven by the official client of today in every combination of eras."""
import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import httpx2
import mcp_types as types
import jwt
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from gateway import MODERN, Gateway
from upstream import OVERLAY, Upstream, personal_token, set_key

ALL = {"echo", "add", "count", "slow", "boom", "erase", "ask", "change", "chat"}


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
    for engine in ("modern", "strict"):
        set_key(running, "demo", engine, "key-of-demo")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def token(gateway):
    return personal_token(gateway, "demo", "modern:admin", "legacy:admin", "strict:admin", "qarnot:read")


async def answer(context, params):
    return types.ElicitResult(action="accept", content={"name": "Ann"})


async def drive(gateway, token, engine, mode, body, **options):
    async with httpx2.AsyncClient(verify=gateway.tls(), headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        transport = streamable_http_client(f"{gateway.issuer}/mcp/{engine}", http_client=http)
        async with Client(transport, mode=mode, **options) as client:
            return await body(client)


def run(gateway, token, engine, mode, body, **options):
    return asyncio.run(asyncio.wait_for(drive(gateway, token, engine, mode, body, **options), 60))


def text(result):
    return result.content[0].text


PAIRS = [(mode, engine) for mode in ("auto", "legacy") for engine in ("modern", "legacy")]


@pytest.mark.parametrize("mode,engine", PAIRS)
def test_every_feature_passes_in_every_combination_of_eras(gateway, token, mode, engine):
    progress = []

    async def note(value, total, message):
        progress.append((value, total, message))

    async def session(client):
        assert {tool.name for tool in (await client.list_tools()).tools} == ALL
        assert text(await client.call_tool("echo", {"text": "hi \u00e9\U0001f600"})) == "echo: hi \u00e9\U0001f600"
        assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"sum": 3}
        assert text(await client.call_tool("count", {"to": 3}, progress_callback=note)) == "counted to 3"
        failed = await client.call_tool("boom", {})
        assert failed.is_error and "boom" in text(failed)
        assert text(await client.call_tool("erase", {"name": "x"})) == "erased x"
        assert [str(r.uri) for r in (await client.list_resources()).resources] == ["note://one"]
        assert (await client.read_resource("note://one")).contents[0].text == "the note"
        assert [p.name for p in (await client.list_prompts()).prompts] == ["greet"]
        assert (await client.get_prompt("greet", {"name": "Bob"})).messages[0].content.text == "Greet Bob."

    run(gateway, token, engine, mode, session)
    assert progress == [(1.0, 3.0, "at 1"), (2.0, 3.0, "at 2"), (3.0, 3.0, "at 3")]


@pytest.mark.parametrize("mode,engine", PAIRS)
def test_a_question_in_the_middle_of_a_call_reaches_the_person_and_the_answer_the_tool(gateway, token, mode, engine):
    async def session(client):
        return text(await client.call_tool("ask", {}))

    assert run(gateway, token, engine, mode, session, elicitation_callback=answer).startswith("accept Ann")


@pytest.mark.parametrize("mode,engine", PAIRS)
def test_a_client_that_cannot_be_asked_gets_a_clean_error(gateway, token, mode, engine):
    async def session(client):
        try:
            result = await client.call_tool("ask", {})
            return result.is_error, text(result)
        except Exception as error:
            return True, str(error)

    failed, words = run(gateway, token, engine, mode, session)
    assert failed and words


def test_an_upstream_that_asks_for_what_the_client_did_not_declare_is_stopped(gateway, token):
    params = {"name": "ask", "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}
    head = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "ask", "Authorization": f"Bearer {token}"}
    with gateway.http(headers=head) as http:
        answer = http.post(f"{gateway.issuer}/mcp/modern", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == -32021
    assert answer.json()["error"]["data"] == {"requiredCapabilities": {"elicitation": {}}}


@pytest.mark.parametrize("mode,engine", PAIRS)
def test_calls_at_once_do_not_mix(gateway, token, mode, engine):
    async def session(client):
        async def one(number):
            progress = []

            async def note(value, total, message):
                progress.append(value)

            result = await client.call_tool("count", {"to": number}, progress_callback=note)
            return text(result), progress
        return await asyncio.gather(*(one(number) for number in range(1, 7)))

    for number, (said, progress) in enumerate(run(gateway, token, engine, mode, session), 1):
        assert said == f"counted to {number}" and progress == [float(n) for n in range(1, number + 1)]


def test_nothing_of_the_client_reaches_the_upstream_and_the_key_goes_in_the_configured_field(gateway, token, servers):
    with gateway.http(headers={"Cookie": "a=secret-cookie", "X-API-Key": token, "X-Custom": "mine", "traceparent": "00-bad"}) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "echo", "arguments": {"text": "probe"},
            "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}}
        head = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "echo"}
        before = len(servers["modern"].seen())
        answer = http.post(gateway.issuer + "/mcp/modern", json=body, headers=head)
    assert answer.status_code == 200 and "echo: probe" in answer.text, answer.text
    assert "set-cookie" not in answer.headers and "server" not in answer.headers
    for request in servers["modern"].seen()[before:]:
        assert request["authorization"] == "Bearer key-of-demo"
        assert request["host"] == f"127.0.0.1:{servers['modern'].port}" and request["user-agent"].startswith("gatehouse/")
        assert not {"cookie", "x-api-key", "x-custom", "origin", "x-forwarded-for"} & set(request)
        assert token not in json.dumps(request) and request["traceparent"] != "00-bad"
        assert request["forwarded"].startswith("for=127.0.0.1")


def test_an_upstream_that_asks_for_it_is_told_by_a_signed_assertion_who_calls(tmp_path, servers):
    overlay = f"""
upstreams:
  - {{ name: told, url: "{servers['modern'].url}", tools: {{ echo: read }}, credential: {{}}, identity: {{ audience: "https://tools.example" }} }}
  - {{ name: untold, url: "{servers['modern'].url}", tools: {{ echo: read }}, credential: {{}} }}
"""
    gateway = Gateway(tmp_path, overlay).start()
    try:
        ann = gateway.add_user("ann", role="viewer")
        for engine in ("told", "untold"):
            set_key(gateway, "ann", engine, "key-of-ann")
        tokens = gateway.grant(ann, resource=f"{gateway.issuer}/mcp/told", scope="told:read")
        before = len(servers["modern"].seen())
        for _ in range(2):
            assert "echo: hello" in call(gateway, tokens["access_token"], "told", "echo", {"text": "hello"}).text
        requests = servers["modern"].seen()[before:]
        assert requests and all("x-gatehouse-identity" in one for one in requests)
        keys = jwt.PyJWKClient(f"{gateway.issuer}/jwks.json", ssl_context=gateway.tls())
        text = requests[-1]["x-gatehouse-identity"]
        claims = jwt.decode(text, keys.get_signing_key_from_jwt(text).key, algorithms=["ES256"], audience="https://tools.example",
                            issuer=gateway.issuer, options={"require": ["exp", "iat", "sub", "jti"]})
        assert claims["preferred_username"] == "ann" and claims["role"] == "viewer" and claims["scope"] == "told:read"
        assert claims["client_id"] == tokens["client_id"] and claims["exp"] - claims["iat"] == 60
        assert jwt.get_unverified_header(text)["typ"] == "gatehouse-identity+jwt"
        with pytest.raises(jwt.InvalidAudienceError):
            jwt.decode(text, keys.get_signing_key_from_jwt(text).key, algorithms=["ES256"], audience="https://other.example")
        # It names a caller and opens nothing: as a token it is refused.
        assert call(gateway, text, "told", "echo", {"text": "x"}).status_code == 401
        other = gateway.grant(ann, resource=f"{gateway.issuer}/mcp/untold", scope="untold:read")
        before = len(servers["modern"].seen())
        assert "echo: hello" in call(gateway, other["access_token"], "untold", "echo", {"text": "hello"}).text
        assert all("x-gatehouse-identity" not in one for one in servers["modern"].seen()[before:])
    finally:
        assert gateway.stop() == 0


def call(gateway, token, engine, tool, arguments=None, **extra):
    params = {"name": tool, "arguments": arguments or {}, **extra,
              "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}}
    head = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool, "Authorization": f"Bearer {token}"}
    with gateway.http(headers=head) as http:
        return http.post(f"{gateway.issuer}/mcp/{engine}", json={"jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": params})


def test_each_upstream_is_a_protected_resource_of_its_own(gateway):
    with gateway.http() as http:
        for name in ("modern", "legacy"):
            document = http.get(f"{gateway.issuer}/.well-known/oauth-protected-resource/mcp/{name}").json()
            assert document["resource"] == f"{gateway.issuer}/mcp/{name}"
            assert document["scopes_supported"] == [f"{name}:execute", f"{name}:read"] or set(
                document["scopes_supported"]) == {f"{name}:read", f"{name}:execute"}
            answer = http.post(f"{gateway.issuer}/mcp/{name}", json={})
            assert answer.status_code == 401
            assert f"/.well-known/oauth-protected-resource/mcp/{name}" in answer.headers["www-authenticate"]


def test_a_token_for_one_resource_is_no_token_for_another(gateway):
    url = f"{gateway.issuer}/mcp/legacy"
    tokens = gateway.grant(resource=url, scope="legacy:execute")
    assert call(gateway, tokens["access_token"], "legacy", "echo", {"text": "a"}).status_code == 200
    assert call(gateway, tokens["access_token"], "modern", "echo", {"text": "a"}).status_code == 401


def test_a_caller_sees_exactly_what_it_may_call(gateway):
    gateway.add_user("viewer", "viewer")
    set_key(gateway, "viewer", "strict", "key-of-viewer")
    token = personal_token(gateway, "viewer", "strict:admin")

    async def names(client):
        return {tool.name for tool in (await client.list_tools()).tools}

    for mode in ("auto", "legacy"):
        assert run(gateway, token, "strict", mode, names) == {"echo"}
    assert call(gateway, token, "strict", "echo", {"text": "a"}).status_code == 200
    assert call(gateway, token, "strict", "erase", {"name": "a"}).status_code == 403
    assert call(gateway, token, "strict", "add", {"a": 1, "b": 1}).status_code == 403
    narrow = personal_token(gateway, "demo", "strict:read")
    refused = call(gateway, narrow, "strict", "erase", {"name": "a"})
    assert refused.status_code == 403 and 'scope="strict:execute"' in refused.headers["www-authenticate"]


def test_a_missing_or_rejected_key_says_where_to_mend_it(gateway):
    gateway.add_user("keyless", "operator")
    token = personal_token(gateway, "keyless", "modern:execute")
    result = call(gateway, token, "modern", "echo", {"text": "a"}).json()["result"]
    assert result["isError"] and gateway.issuer + "/account" in result["content"][0]["text"]
    with gateway.http(headers={"Authorization": f"Bearer {token}"}) as http:
        listed = http.post(f"{gateway.issuer}/mcp/modern", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert listed.status_code == 200 and gateway.issuer + "/account" in listed.json()["error"]["message"]
    set_key(gateway, "keyless", "modern", "wrong-key-of-keyless")
    answer = call(gateway, token, "modern", "echo", {"text": "a"})
    assert answer.status_code == 200 and "www-authenticate" not in answer.headers
    result = answer.json()["result"]
    assert result["isError"] and "refused your key" in result["content"][0]["text"]
    listed = gateway.command("key", "list", "keyless", "--json").stdout
    assert json.loads(listed.splitlines()[0])["status"] == "rejected"


def test_handles_of_another_user_or_call_are_unknown(gateway, token):
    first = call(gateway, token, "legacy", "ask").json()["result"]
    assert first["resultType"] == "input_required"
    (key, question), = first["inputRequests"].items()
    assert question["method"] == "elicitation/create"
    given = {key: {"action": "accept", "content": {"name": "Eve"}}}
    gateway.add_user("eve", "admin")
    other = personal_token(gateway, "eve", "legacy:admin")
    stolen = call(gateway, other, "legacy", "ask", inputResponses=given, requestState=first["requestState"])
    assert stolen.json()["error"]["code"] == -32602
    elsewhere = call(gateway, token, "legacy", "echo", {"text": "a"}, inputResponses=given, requestState=first["requestState"])
    assert "error" in elsewhere.json() or "echo" in elsewhere.text
    tampered = call(gateway, token, "legacy", "ask", inputResponses=given, requestState=first["requestState"] + "A")
    assert tampered.json()["error"]["code"] == -32602
    again = call(gateway, token, "legacy", "ask", requestState=first["requestState"]).json()["result"]
    assert again["resultType"] == "input_required" and again["requestState"] != first["requestState"]
    done = call(gateway, token, "legacy", "ask", inputResponses=given, requestState=again["requestState"]).json()["result"]
    assert done["content"][0]["text"] == "accept Eve" and done["resultType"] == "complete"
    replayed = call(gateway, token, "legacy", "ask", inputResponses=given, requestState=again["requestState"])
    assert replayed.json()["error"]["code"] == -32602


def test_a_session_is_its_users_and_ends(gateway, token):
    head = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    begin = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}
    with gateway.http() as http:
        for engine in ("legacy", "modern"):
            url = f"{gateway.issuer}/mcp/{engine}"
            opened = http.post(url, json=begin, headers=head)
            session = {**head, "Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
            assert http.post(url, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session).status_code == 202
            ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
            assert http.post(url, json=ping, headers=session).json()["result"] == {}
            other = personal_token(gateway, "eve", f"{engine}:admin") if engine == "legacy" else None
            if other:
                assert http.post(url, json=ping, headers={**session, "Authorization": f"Bearer {other}"}).status_code == 404
            assert http.request("DELETE", url, headers=session).status_code == 204
            assert http.post(url, json=ping, headers=session).status_code == 404


def test_every_call_leaves_the_same_record_whatever_the_era(gateway, token):
    for mode, engine in PAIRS:
        async def once(client):
            await client.call_tool("erase", {"name": "record"})
        run(gateway, token, engine, mode, once)
    records = [r for r in gateway.records("--event", "mcp.tool.called") if r.get("tool") == "erase"]
    for engine in ("modern", "legacy"):
        outcomes = [r["outcome"] for r in records if r["engine"] == engine]
        assert outcomes.count("intent") == outcomes.count("success") >= 2
    assert "record" not in json.dumps(records)


class Wild(BaseHTTPRequestHandler):
    """A server that does what it is told, in place of an MCP server."""

    protocol_version = "HTTP/1.1"
    mode = "ok"
    calls = 0

    def do_POST(self):
        Wild.calls += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mode = type(self).mode
        if mode == "late":
            time.sleep(3)
        if mode == "broken":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
            self.close_connection = True
            return
        if mode.isdigit():
            self.send_response(int(mode))
            self.send_header("WWW-Authenticate", "Bearer leak")
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"secret")
            return
        result = {"resultType": "complete", "content": [{"type": "text", "text": "x" * (40_000 if mode == "huge" else 1)}],
                  "tools": [{"name": "t", "description": Wild.mode, "inputSchema": {"type": "object"}}],
                  "supportedVersions": [MODERN], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "public"}
        data = b"not json" if mode == "text" else json.dumps({"jsonrpc": "2.0", "id": body.get("id"), "result": result}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Set-Cookie", "upstream=1")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wild)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    overlay = f"""
limits: {{ user: off, tool: {{ default: off }} }}
upstreams:
  - {{ name: wild, url: "http://127.0.0.1:{server.server_port}/mcp", tools: {{ t: read }}, timeout: 1s, max_response_bytes: 20000 }}
"""
    running = Gateway(tmp_path_factory.mktemp("wild"), overlay).start()
    yield running
    assert running.stop() == 0
    server.shutdown()


@pytest.mark.parametrize("mode,words", [
    ("401", "credential"), ("403", "credential"), ("302", "302"), ("500", "500"), ("429", "fewer calls"), ("huge", "more than is allowed"),
    ("late", "in time"), ("broken", "broke off"), ("text", "no JSON")])
def test_an_upstream_that_misbehaves_becomes_a_clean_error(wild, mode, words):
    token = personal_token(wild, "demo", "wild:admin")
    Wild.mode = "ok"
    assert call(wild, token, "wild", "t").json()["result"]["content"][0]["text"] == "x"
    Wild.mode = mode
    answer = call(wild, token, "wild", "t")
    Wild.mode = "ok"
    assert answer.status_code == 200 and "secret" not in answer.text
    assert not {"www-authenticate", "set-cookie", "location"} & set(answer.headers)
    result = answer.json()["result"]
    assert result["isError"] is True and words in result["content"][0]["text"], result
    assert answer.json()["id"] == "c"


def test_a_changed_tool_description_is_recorded_and_a_public_cache_hint_is_not_passed_on(wild):
    token = personal_token(wild, "demo", "wild:admin")
    for description in ("first", "second"):
        Wild.mode = description
        with wild.http(headers={"Authorization": f"Bearer {token}", "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}) as http:
            listed = http.post(f"{wild.issuer}/mcp/wild", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
                "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}}).json()["result"]
        assert listed["cacheScope"] == "private" and listed["tools"][0]["description"] == description
    Wild.mode = "ok"
    changes = wild.records("--event", "upstream.tool.changed")
    assert changes and changes[-1]["tool"] == "t" and changes[-1]["engine"] == "wild"


def test_an_upstream_that_keeps_failing_is_left_alone_and_ready_says_so(wild):
    token = personal_token(wild, "demo", "wild:admin")
    Wild.mode = "500"
    for _ in range(6):
        call(wild, token, "wild", "t")
    before = Wild.calls
    result = call(wild, token, "wild", "t").json()["result"]
    assert result["isError"] and "Try again in" in result["content"][0]["text"] and Wild.calls == before
    ready = httpx.get(wild.ready["admin_url"] + "/ready")
    assert ready.status_code == 200 and ready.json()["upstreams"] == {"wild": "open"}
    Wild.mode = "ok"


def test_a_client_that_goes_away_cancels_its_call_at_a_modern_upstream(gateway, token, servers):
    async def leave():
        async with httpx.AsyncClient(verify=gateway.tls()) as http:
            params = {"name": "slow", "arguments": {"seconds": 4}, "_meta": {
                "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}
            head = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "slow", "Authorization": f"Bearer {token}"}
            task = asyncio.create_task(http.post(f"{gateway.issuer}/mcp/modern", headers=head, json={
                "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
            await asyncio.sleep(0.5)
            task.cancel()

    began = time.monotonic()
    asyncio.run(leave())
    while time.monotonic() - began < 3:
        records = [r for r in gateway.records("--event", "mcp.tool.called") if r.get("tool") == "slow"]
        if records:
            break
        time.sleep(0.1)
    assert records and records[-1]["outcome"] == "failure" and time.monotonic() - began < 3


def test_an_upstream_that_comes_back_is_served_again(gateway, token, servers):
    assert call(gateway, token, "legacy", "echo", {"text": "a"}).json()["result"]["content"][0]["text"] == "echo: a"
    servers["legacy"].stop()
    gone = call(gateway, token, "legacy", "echo", {"text": "b"}).json()["result"]
    assert gone["isError"] and ("cannot be reached" in gone["content"][0]["text"] or "broke off" in gone["content"][0]["text"])
    servers["legacy"].start()
    # The session of before means nothing to the new process; a fresh one is opened without a word to the client.
    back = call(gateway, token, "legacy", "echo", {"text": "c"}).json()["result"]
    assert back["content"][0]["text"] == "echo: c"


@pytest.mark.parametrize("engine", ["modern", "legacy"])
def test_a_modern_client_hears_of_changes_of_an_upstream_of_either_era(gateway, token, engine):
    async def session(client):
        async with client.listen(tools_list_changed=True, resource_subscriptions=["note://one"]) as changes:
            assert changes.honored.tools_list_changed and list(changes.honored.resource_subscriptions) == ["note://one"]
            assert not changes.honored.prompts_list_changed
            await client.call_tool("change", {"uri": "note://two"})
            first = await asyncio.wait_for(anext(changes), 5)
            await client.call_tool("change", {"uri": "note://one"})
            heard = [first]
            while type(heard[-1]).__name__ != "ResourceUpdated":
                heard.append(await asyncio.wait_for(anext(changes), 5))
            # Prompts were not asked for, nor the other resource.
            assert {type(event).__name__ for event in heard} == {"ToolsListChanged", "ResourceUpdated"}
            assert str(heard[-1].uri) == "note://one"

    run(gateway, token, engine, "auto", session)


@pytest.mark.parametrize("engine", ["modern", "legacy"])
def test_a_legacy_client_hears_of_changes_of_an_upstream_of_either_era(gateway, token, engine):
    heard = []

    async def note(message):
        heard.append(message)

    async def until(kind, times=1):
        for _ in range(40):
            if sum(type(getattr(m, "root", m)).__name__ == kind for m in heard) >= times:
                return True
            await asyncio.sleep(0.05)
        return False

    async def change(client, uri, kind):
        """Changes something until a word of that kind comes: the stream and what it tells follow their requests in their own time."""
        for _ in range(20):
            heard.clear()
            await client.call_tool("change", {"uri": uri})
            if await until(kind):
                return True
        return False

    async def is_told_of(client, uri):
        """Two changes, each told as a change of the list too: what the first one said else stands before the second one's word."""
        heard.clear()
        for times in (1, 2):
            await client.call_tool("change", {"uri": uri})
            assert await until("ToolListChangedNotification", times), heard
        return bool(await_updates())

    async def session(client):
        assert await change(client, "note://two", "ToolListChangedNotification"), "the client opens its stream beside its first requests"
        await client.subscribe_resource("note://one")
        assert await change(client, "note://one", "ResourceUpdatedNotification"), heard
        assert not await is_told_of(client, "note://two"), heard
        await client.unsubscribe_resource("note://one")
        for _ in range(20):
            if not await is_told_of(client, "note://one"):
                break
        else:
            raise AssertionError(heard)

    def await_updates():
        return [m for m in heard if type(getattr(m, "root", m)).__name__ == "ResourceUpdatedNotification"]

    run(gateway, token, engine, "legacy", session, message_handler=note)


def test_a_legacy_session_over_a_modern_upstream_has_one_stream_and_a_bounded_number_of_subscriptions(gateway, token):
    head = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    begin = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}
    url = f"{gateway.issuer}/mcp/modern"

    def subscribe(http, number):
        return http.post(url, headers=head, json={"jsonrpc": "2.0", "id": 2, "method": "resources/subscribe", "params": {
            "uri": f"note://{number}"}}).json()

    with gateway.http() as http:
        assert "session" in subscribe(http, 0)["error"]["message"]
        opened = http.post(url, json=begin, headers=head)
        assert opened.json()["result"]["capabilities"]["resources"]["subscribe"] is True
        head |= {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        with http.stream("GET", url, headers={**head, "Accept": "text/event-stream"}) as first:
            assert first.status_code == 200
            assert http.get(url, headers={**head, "Accept": "text/event-stream"}).status_code == 409
        assert all(subscribe(http, number)["result"] == {} for number in range(64))
        assert subscribe(http, 1)["result"] == {} and subscribe(http, 64)["error"]["code"] == -32602
        assert http.request("DELETE", url, headers=head).status_code == 204


@pytest.mark.parametrize("engine", ["modern", "legacy"])
def test_log_messages_reach_who_asked_for_them_from_the_level_asked_for(gateway, token, engine):
    """A request of 2026-07-28 asks for itself, a session of before for all that follow (mcp.md §3.1)."""
    def levels(answer):
        lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")] or [answer.text]
        messages = [json.loads(line) for line in lines]
        assert messages[-1]["result"]["content"][0]["text"] == "said"
        return [m["params"]["level"] for m in messages if m.get("method") == "notifications/message"]

    url = f"{gateway.issuer}/mcp/{engine}"
    chat = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "chat", "arguments": {}}}
    base = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    with gateway.http() as http:
        for level, wanted in ((None, []), ("debug", ["debug", "warning"]), ("warning", ["warning"]), ("error", [])):
            meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
            if level:
                meta["io.modelcontextprotocol/logLevel"] = level
            body = {**chat, "params": {**chat["params"], "_meta": meta}}
            head = {**base, "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "chat"}
            assert levels(http.post(url, headers=head, json=body)) == wanted, level
        if engine == "legacy":
            return  # the session is the upstream's own, and so is what it sends
        opened = http.post(url, headers=base, json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}})
        head = {**base, "Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        assert levels(http.post(url, headers=head, json=chat)) == []
        for level, wanted in (("debug", ["debug", "warning"]), ("warning", ["warning"])):
            ask = {"jsonrpc": "2.0", "id": 2, "method": "logging/setLevel", "params": {"level": level}}
            assert http.post(url, headers=head, json=ask).json()["result"] == {}
            assert levels(http.post(url, headers=head, json=chat)) == wanted
        ask["params"]["level"] = "loud"
        assert http.post(url, headers=head, json=ask).json()["error"]["code"] == -32602


def test_a_listener_over_a_legacy_upstream_is_sent_nothing_it_did_not_ask_for(gateway, token):
    """On the wire: the official client would hide what is too much (mcp.md §3.8)."""
    params = {"notifications": {"toolsListChanged": True}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}
    head = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "subscriptions/listen", "Authorization": f"Bearer {token}",
            "Accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": "l1", "method": "subscriptions/listen", "params": params}
    heard = []
    with gateway.http() as http, http.stream("POST", f"{gateway.issuer}/mcp/legacy", headers=head, json=body) as stream:
        for line in stream.iter_lines():
            if not line.startswith("data: {"):
                continue
            heard.append(json.loads(line[6:]))
            assert heard[-1]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == "l1"
            if len(heard) == 1:
                assert heard[0]["params"]["notifications"] == {"toolsListChanged": True}
                call(gateway, token, "legacy", "change", {"uri": "note://one"})
            if heard[-1]["method"].endswith("tools/list_changed"):
                break
    # The upstream tells of prompts first.
    assert [m["method"] for m in heard] == ["notifications/subscriptions/acknowledged", "notifications/tools/list_changed"]
