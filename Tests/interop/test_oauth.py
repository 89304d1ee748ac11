"""The flow by hand: what is refused, what races, what is said where."""
import secrets
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_of_64_parallel_redemptions_one_succeeds_and_the_grant_ends(gateway):
    """CODE-9, CODE-10: whoever loses the race holds a leaked code, so nothing issued from it may live."""
    client = gateway.register()
    code, verifier = gateway.code(client)
    with gateway.http() as http, ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: gateway.redeem(client, code, verifier, http), range(64)))
    good = [a for a in answers if a.status_code == 200]
    assert len(good) == 1 and all(a.json()["error"] == "invalid_grant" for a in answers if a.status_code != 200)
    assert gateway.call(good[0].json()["access_token"], "whoami").status_code == 401


def test_parallel_refreshes_share_one_successor(gateway):
    """RT-4: a client that refreshes from several back-ends at once keeps its connection."""
    tokens = gateway.grant()
    with gateway.http() as http, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: gateway.refresh(tokens, http), range(32)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["refresh_token"] for a in answers}) == 1
    assert len({a.json()["access_token"] for a in answers}) == 32


def test_reuse_of_an_old_refresh_token_ends_the_family(gateway):
    """RT-5: once the successor was used, the old token can only be a thief's."""
    first = gateway.grant()
    second = {**first, **gateway.refresh(first).json()}
    third = {**first, **gateway.refresh(second).json()}
    assert gateway.refresh(first).json()["error"] == "invalid_grant"
    assert gateway.refresh(third).json()["error"] == "invalid_grant"
    assert gateway.call(third["access_token"], "whoami").status_code == 401
    assert any(r["event"] == "token.refresh.reuse_detected" for r in gateway.records("--event", "token.refresh.reuse_detected"))


def test_a_sign_in_cannot_be_finished_in_another_browser(gateway):
    """AZ-14, CVE-2026-27124."""
    from gateway import Page
    url = gateway.authorize_url(gateway.register(), CHALLENGE)
    with gateway.http() as victim, gateway.http() as other:
        form = Page(victim.get(url).text).forms[0]
        data = {f["name"]: f.get("value", "") for f in form["fields"] if f.get("name")}
        data |= {"username": gateway.user["username"], "password": gateway.user["password"]}
        headers = {"Origin": gateway.issuer, "Sec-Fetch-Site": "same-origin"}
        assert other.post(gateway.issuer + "/login", data=data, headers=headers).status_code == 403
        cross = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert victim.post(gateway.issuer + "/login", data=data, headers=cross).status_code == 403


def test_a_wrong_redirect_uri_is_told_on_a_page_and_never_redirected(gateway):
    """AZ-3: the answer to a mismatch must not travel to the mismatch."""
    client = gateway.register()
    for uri in ("http://127.0.0.1:9/callback/evil", "http://127.0.0.1:9@evil.example/callback", "https://evil.example/", "http://localhost:9/callback"):
        with gateway.http() as http:
            answer = http.get(gateway.authorize_url(client, CHALLENGE, redirect_uri=uri))
        assert answer.status_code == 400 and "location" not in answer.headers and "evil.example" not in answer.text


def test_pkce_cannot_be_left_out_or_weakened(gateway):
    """AZ-7: there is no code without a challenge here."""
    client = gateway.register()
    for change in ({"code_challenge": None}, {"code_challenge_method": "plain"}, {"code_challenge_method": None}, {"code_challenge": "short"}):
        with gateway.http() as http:
            answer = http.get(gateway.authorize_url(client, CHALLENGE, **change))
        assert "error=invalid_request" in answer.text and "code=" not in answer.text, change


def test_unticking_a_scope_narrows_the_grant(gateway):
    client = gateway.register()
    verifier = secrets.token_urlsafe(48)
    import base64, hashlib
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    url = gateway.authorize_url(client, challenge, scope="qarnot:read qarnot:execute")
    landed = parse_qs(urlsplit(gateway.browse(url, untick=("qarnot:execute",))).query)
    tokens = gateway.redeem(client, landed["code"][0], verifier).json()
    assert tokens["scope"] == "qarnot:read"
    answer = gateway.call(tokens["access_token"], "submit_task", {"name": "x"})
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"] and "qarnot:execute" in answer.headers["www-authenticate"]


def test_no_is_told_to_the_client_with_state_and_issuer(gateway):
    end = parse_qs(urlsplit(gateway.browse(gateway.authorize_url(gateway.register(), CHALLENGE, state="a b&c"), decision="deny")).query)
    assert end["error"] == ["access_denied"] and end["state"] == ["a b&c"] and end["iss"] == [gateway.issuer] and "code" not in end


def test_an_unknown_client_is_told_to_register_again(gateway):
    """AUTH-2: Claude takes exactly this answer as the signal."""
    answer = gateway.token({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "dyn-gone"})
    assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
    assert answer.headers["cache-control"] == "no-store"


def test_a_removed_key_stops_the_next_call(gateway):
    user = gateway.add_user("keyed", key=True)
    token = gateway.grant(user)["access_token"]
    assert "isError" not in gateway.call(token, "list_profiles").json()["result"]
    assert gateway.command("key", "remove", "keyed", "qarnot").returncode == 0
    import time
    time.sleep(1)
    result = gateway.call(token, "list_profiles").json()["result"]
    assert result["isError"] and "/account" in str(result)


def test_browsers_may_read_what_the_inspector_needs(gateway):
    """COM-8, mcp.md §6."""
    with gateway.http(headers={"Origin": "https://claude.ai"}) as http:
        preflight = http.options(gateway.mcp_url, headers={
            "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,mcp-param-region"})
        assert preflight.status_code == 204 and "mcp-param-region" in preflight.headers["access-control-allow-headers"]
        challenged = http.post(gateway.mcp_url, json={})
        assert challenged.status_code == 401 and "WWW-Authenticate" in challenged.headers["access-control-expose-headers"]
    with gateway.http(headers={"Origin": "https://evil.example"}) as http:
        assert http.post(gateway.mcp_url, json={}).status_code == 403
    with gateway.http(headers={"Host": "evil.example"}) as http:
        assert http.get(gateway.issuer + "/").status_code == 421


def test_a_personal_token_works_with_curl_either_way(gateway):
    import json, subprocess
    issued = gateway.command("token", "issue", "demo", "--name", "curl", "--scope", "qarnot:read", "--json")
    token = json.loads(issued.stdout)["token"]
    body = json.dumps({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "whoami", "arguments": {}}})
    for header in (f"Authorization: Bearer {token}", f"X-API-Key: {token}"):
        out = subprocess.run(
            ["curl", "-sS", "--cacert", gateway.ready["ca_file"], "-H", header, "-H", "Content-Type: application/json", "-d", body,
             gateway.mcp_url], capture_output=True, text=True, timeout=30)
        answer = json.loads(out.stdout)
        assert answer["id"] == "a" and answer["result"]["structuredContent"]["scopes"] == ["qarnot:read"], out
    assert gateway.command("token", "revoke", "--value", "-", input=token + "\n").returncode == 0
    import time
    time.sleep(1)
    assert gateway.call(token, "whoami").status_code == 401


def test_a_stranger_cannot_make_the_gateway_hold_megabytes(gateway):
    """Without a credential there is only a challenge to be had, so a large body is refused unread."""
    body = b"{" + b" " * 200_000 + b"}"
    with gateway.http(headers={"Content-Type": "application/json"}) as http:
        assert http.post(gateway.mcp_url, content=body).status_code == 413
    with gateway.http(headers={"Content-Type": "application/json", "Authorization": "Bearer x"}) as http:
        assert http.post(gateway.mcp_url, content=body).status_code == 401


def test_a_flood_of_refusals_is_no_flood_of_records(folder):
    """Each refusal is told (RL-5); the log says it once a minute for each address, or strangers could fill the disk."""
    from gateway import Gateway
    gateway = Gateway(folder, "limits: { address: { rate: 1, window: 1m, burst: 5 } }").start()
    with gateway.http(headers={"Host": "evil.example"}) as http:
        statuses = [http.get(gateway.issuer + "/").status_code for _ in range(60)]
    assert statuses[:5] == [421] * 5 and set(statuses[5:]) == {429}
    assert len(gateway.records("--event", "http.malformed")) == 1
    assert len(gateway.records("--event", "ratelimit.exceeded")) == 1
    assert gateway.stop() == 0
