"""The authorization server beyond the code grant, driven over TLS with other people's JOSE library (PyJWT, cryptography)."""
import base64, hashlib, hmac, json, re, secrets, struct, subprocess, time
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import Page


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A P-256 key of a client."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key()))

    def proof(self, method: str, url: str, token: str | None = None, **claims) -> str:
        body = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_urlsafe(12), **claims}
        if token:
            body["ath"] = b64(hashlib.sha256(token.encode()).digest())
        return jwt.encode(body, self.private, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": self.jwk})

    def assertion(self, client: str, audience: str) -> str:
        now = int(time.time())
        return jwt.encode({"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(12)},
                          self.private, algorithm="ES256", headers={"kid": "k1"})


def pkce() -> tuple[str, str]:
    verifier = secrets.token_urlsafe(48)
    return verifier, b64(hashlib.sha256(verifier.encode()).digest())


def added(gateway, *words: str) -> dict:
    out = gateway.command("client", "add", *words, "--json")
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def signed_in(gateway, user: dict) -> httpx.Client:
    """A browser with a session, at /account."""
    http = gateway.http(headers={"Accept": "text/html"})
    form = Page(http.get(gateway.issuer + "/login").text).forms[0]
    data = {f["name"]: f.get("value", "") for f in form["fields"] if f.get("name")}
    answer = http.post(gateway.issuer + "/login", data={**data, "username": user["username"], "password": user["password"]},
                       headers={"Origin": gateway.issuer})
    assert answer.status_code == 303, answer.text
    return http


def submit(gateway, http: httpx.Client, action: str, **fields) -> httpx.Response:
    """The form on /account whose button says `action`."""
    text = http.get(gateway.issuer + "/account").text
    token = re.search(r'name="token" value="([^"]+)"', text)[1]
    return http.post(gateway.issuer + "/account", data={"token": token, "action": action, **fields}, headers={"Origin": gateway.issuer})


def test_a_pushed_request_is_authorized_by_its_reference_once(gateway):
    client = gateway.register()
    verifier, challenge = pkce()
    form = {"client_id": client["client_id"], "redirect_uri": client["redirect_uris"][0], "response_type": "code", "state": "pushed",
            "code_challenge": challenge, "code_challenge_method": "S256", "resource": gateway.mcp_url}
    with gateway.http() as http:
        pushed = http.post(gateway.issuer + "/par", data=form)
        assert pushed.status_code == 201 and pushed.headers["cache-control"] == "no-store", pushed.text
    url = str(httpx.URL(gateway.issuer + "/authorize",
                        params={"client_id": client["client_id"], "request_uri": pushed.json()["request_uri"]}))
    landed = parse_qs(urlsplit(gateway.browse(url)).query)
    assert landed["state"] == ["pushed"] and landed["iss"] == [gateway.issuer]
    assert gateway.redeem(client, landed["code"][0], verifier).status_code == 200
    with gateway.http() as http:
        assert http.get(url).status_code == 400


def test_a_token_bound_by_dpop_is_of_no_use_to_a_thief(gateway):
    key, client = Key(), gateway.register()
    code, verifier = gateway.code(client)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "client_id": client["client_id"],
            "redirect_uri": client["redirect_uris"][0]}
    with gateway.http() as http:
        answer = http.post(gateway.issuer + "/token", data=form, headers={"DPoP": key.proof("POST", gateway.issuer + "/token")})
        assert answer.status_code == 200 and answer.json()["token_type"] == "DPoP", answer.text
        token = answer.json()["access_token"]
        proof = key.proof("POST", gateway.mcp_url, token)
        good = {"Authorization": f"DPoP {token}", "DPoP": proof}
        assert gateway.rpc(None, "tools/list", headers=good, http=http).status_code == 200
        replayed = gateway.rpc(None, "tools/list", headers=good, http=http)
        assert replayed.status_code == 401 and "invalid_dpop_proof" in replayed.headers["www-authenticate"]
        assert gateway.rpc(token, "tools/list", http=http).status_code == 401
        stolen = {"Authorization": f"DPoP {token}", "DPoP": Key().proof("POST", gateway.mcp_url, token)}
        assert gateway.rpc(None, "tools/list", headers=stolen, http=http).status_code == 401


def test_a_client_proves_itself_with_its_key(gateway, tmp_path):
    key = Key()
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [{**key.jwk, "kid": "k1", "use": "sig", "alg": "ES256"}]}))
    client = added(gateway, "--name", "keyed", "--redirect", "https://app.example/cb", "--jwks", str(tmp_path / "keys.json"))
    assert client["token_endpoint_auth_method"] == "private_key_jwt"
    code, verifier = gateway.code({**client, "redirect_uris": ["https://app.example/cb"]})
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": "https://app.example/cb",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    forged = gateway.token({**form, "client_assertion": Key().assertion(client["client_id"], gateway.issuer)})
    assert forged.status_code == 401 and forged.json()["error"] == "invalid_client"
    assert gateway.token({**form, "client_assertion": key.assertion(client["client_id"], gateway.issuer)}).status_code == 200


def test_a_machine_acts_as_its_service_account_and_introspection_describes_it(gateway):
    gateway.add_user("robot", role="viewer")
    machine = added(gateway, "--name", "nightly", "--service-user", "robot")
    answer = gateway.token({"grant_type": "client_credentials", "client_id": machine["client_id"], "client_secret": machine["client_secret"],
                            "scope": "qarnot:execute"})
    assert answer.status_code == 200 and answer.json()["scope"] == "qarnot:read" and "refresh_token" not in answer.json(), answer.text
    token = answer.json()["access_token"]
    assert gateway.call(token, "whoami").json()["result"]["structuredContent"]["user"] == "robot"
    asker = added(gateway, "--name", "sidecar", "--introspection")
    credentials = {"client_id": asker["client_id"], "client_secret": asker["client_secret"]}
    with gateway.http() as http:
        described = http.post(gateway.issuer + "/introspect", data={"token": token, **credentials})
        assert described.json()["active"] is True and described.json()["username"] == "robot"
        assert http.post(gateway.issuer + "/introspect", data={"token": token}).status_code == 401
        assert http.post(gateway.issuer + "/introspect", data={"token": "gtha_x", **credentials}).json() == {"active": False}
        gateway.command("user", "disable", "robot")
        time.sleep(1.1)
        assert http.post(gateway.issuer + "/introspect", data={"token": token, **credentials}).json() == {"active": False}
    assert gateway.call(token, "whoami").status_code == 401


def test_a_device_is_connected_by_the_code_it_shows(gateway):
    user = gateway.add_user("tv-owner")
    client = added(gateway, "--name", "Television", "--device")
    with gateway.http() as http:
        start = http.post(gateway.issuer + "/device_authorization", data={"client_id": client["client_id"], "scope": "qarnot:read"}).json()
    poll = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": start["device_code"], "client_id": client["client_id"]}
    assert gateway.token(poll).json()["error"] == "authorization_pending"
    assert gateway.token(poll).json()["error"] == "slow_down"
    with gateway.http(headers={"Accept": "text/html"}) as http:
        led = http.get(start["verification_uri_complete"])
        assert led.status_code == 303 and "/login?device=" + start["user_code"] in led.headers["location"]
        form = Page(http.get(led.headers["location"]).text).forms[0]
        data = {f["name"]: f.get("value", "") for f in form["fields"] if f.get("name")}
        back = http.post(gateway.issuer + "/login", data={**data, **user}, headers={"Origin": gateway.issuer})
        assert back.headers["location"] == start["verification_uri_complete"]
        page = http.get(back.headers["location"])
        assert "Television" in page.text and "127.0.0.1" in page.text
        data = {f["name"]: f.get("value", "") for f in Page(page.text).forms[0]["fields"] if f.get("name")}
        done = http.post(gateway.issuer + "/device", data={**data, "decision": "allow"}, headers={"Origin": gateway.issuer})
        assert "Device connected" in done.text, done.text
    time.sleep(10)
    tokens = gateway.token(poll)
    assert tokens.status_code == 200, tokens.text
    assert gateway.call(tokens.json()["access_token"], "whoami").json()["result"]["structuredContent"]["user"] == "tv-owner"
    assert gateway.token(poll).json()["error"] == "invalid_grant"


def test_a_registered_client_manages_its_registration(gateway):
    client = gateway.register()
    url, auth = client["registration_client_uri"], {"Authorization": f"Bearer {client['registration_access_token']}"}
    with gateway.http() as http:
        assert http.get(url, headers=auth).json()["client_id"] == client["client_id"]
        assert http.get(url).status_code == 401
        new = {"client_id": client["client_id"], "redirect_uris": ["https://new.example/cb"], "token_endpoint_auth_method": "none"}
        assert http.put(url, json=new, headers=auth).json()["redirect_uris"] == ["https://new.example/cb"]
        assert http.delete(url, headers=auth).status_code == 204
        gone = http.get(url, headers=auth)
        assert gone.status_code == 401 and gone.json()["error"] == "invalid_token"


def test_people_end_access_by_themselves(gateway):
    user = gateway.add_user("cleaner")
    tokens = gateway.grant(user)
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200
    with closing(signed_in(gateway, user)) as http:
        text = http.get(gateway.issuer + "/account").text
        assert "interop" in text and "last used" in text
        grant = re.search(r'name="id" value="(g[^"]+)"', text)[1]
        assert "no access any more" in submit(gateway, http, "revoke-grant", id=grant).text
    assert gateway.call(tokens["access_token"], "whoami").status_code == 401
    assert gateway.refresh(tokens).json()["error"] == "invalid_grant"
    sessions = [json.loads(line) for line in gateway.command("session", "list", "--user", "cleaner", "--json").stdout.splitlines()]
    assert len(sessions) >= 1
    with closing(signed_in(gateway, user)) as http:
        for session in [json.loads(line) for line in gateway.command("session", "list", "--user", "cleaner", "--json").stdout.splitlines()]:
            assert gateway.command("session", "revoke", session["id"]).returncode == 0
        assert http.get(gateway.issuer + "/account").headers["location"] == gateway.issuer + "/login"


def totp(secret: str, at: float) -> str:
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    offset = digest[19] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def test_an_authenticator_app_is_asked_for_from_then_on(gateway):
    user = gateway.add_user("careful")
    with closing(signed_in(gateway, user)) as http:
        assert "not right" in submit(gateway, http, "begin-otp", password="wrong").text
        page = submit(gateway, http, "begin-otp", password=user["password"]).text
        secret = re.search(r'<code class="copy">([A-Z2-7]{32})</code>', page)[1]
        assert "<svg" in page
        token = re.search(r'name="token" value="([^"]+)"', page)[1]
        begun = time.time()
        done = http.post(gateway.issuer + "/account", data={"token": token, "action": "confirm-otp", "otp": totp(secret, begun)},
                         headers={"Origin": gateway.issuer}).text
        codes = re.findall(r"<code>([a-z0-9-]{19})</code>", done)
        assert len(codes) == 10
    with gateway.http(headers={"Accept": "text/html"}) as http:
        form = Page(http.get(gateway.issuer + "/login").text).forms[0]
        data = {f["name"]: f.get("value", "") for f in form["fields"] if f.get("name")}
        ask = http.post(gateway.issuer + "/login", data={**data, **user}, headers={"Origin": gateway.issuer})
        assert ask.status_code == 200 and 'name="otp"' in ask.text
        data = {f["name"]: f.get("value", "") for f in Page(ask.text).forms[0]["fields"] if f.get("name")}
        post = lambda code: http.post(gateway.issuer + "/login", data={**data, "otp": code}, headers={"Origin": gateway.issuer})
        assert post(totp(secret, begun)).status_code == 401, "a code counts once"
        assert post(codes[0]).status_code == 303
        assert post(codes[0]).status_code == 401
    assert gateway.command("user", "otp", "reset", "careful").returncode == 0
    signed_in(gateway, user).close()


def test_an_invitation_sets_the_first_password(gateway):
    out = gateway.command("user", "add", "newcomer", "--role", "operator", "--invite", "--json")
    link = json.loads(out.stdout)["invite_url"]
    with gateway.http(headers={"Accept": "text/html"}) as http:
        data = {f["name"]: f.get("value", "") for f in Page(http.get(link).text).forms[0]["fields"] if f.get("name")}
        weak = http.post(gateway.issuer + "/invite", data={**data, "password": "short"}, headers={"Origin": gateway.issuer})
        assert weak.status_code == 400 and "at least 15" in weak.text
        password = secrets.token_urlsafe(18)
        done = http.post(gateway.issuer + "/invite", data={**data, "password": password}, headers={"Origin": gateway.issuer})
        assert done.status_code == 303 and done.headers["location"].endswith("/account")
        assert http.get(link).status_code == 404
    signed_in(gateway, {"username": "newcomer", "password": password}).close()


def test_a_new_password_ends_what_the_old_one_opened(gateway):
    user = gateway.add_user("changer")
    tokens = gateway.grant(user)
    with closing(signed_in(gateway, user)) as other, closing(signed_in(gateway, user)) as http:
        new = secrets.token_urlsafe(18)
        assert "is changed" in submit(gateway, http, "change-password", password=user["password"], new_password=new).text
        assert http.get(gateway.issuer + "/account").status_code == 200
        assert other.get(gateway.issuer + "/account").status_code == 303
    assert gateway.refresh(tokens).json()["error"] == "invalid_grant"


# -- the request sequences of clients in the field (mcp.md 8) -----------------------------------------------------

CLIENTS = {
    "claude.ai": {"redirect_uris": ["https://claude.ai/api/mcp/auth_callback"], "token_endpoint_auth_method": "client_secret_post",
                  "grant_types": ["authorization_code", "refresh_token"], "client_name": "Claude", "scope": "qarnot:read", "resource": "x"},
    "Claude Code": {"redirect_uris": ["http://localhost:3118/callback"], "token_endpoint_auth_method": "none", "client_name": "Claude Code",
                    "grant_types": ["authorization_code", "refresh_token"], "use_port": 51234},
    "ChatGPT": {"redirect_uris": ["https://chatgpt.com/connector/oauth/abc123"], "token_endpoint_auth_method": "none",
                "client_name": "ChatGPT", "grant_types": ["authorization_code", "refresh_token"], "ask": "qarnot:read offline_access"},
    "VS Code": {"redirect_uris": ["https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect", "http://127.0.0.1/",
                                  "http://127.0.0.1:33418/"], "token_endpoint_auth_method": "none", "client_name": "Visual Studio Code",
                "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
                "response_types": ["code"], "application_type": "native", "use": "http://127.0.0.1:49152/"},
    "Cursor": {"redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback"], "token_endpoint_auth_method": "none",
               "client_name": "Cursor", "grant_types": ["authorization_code", "refresh_token"]},
    "Inspector": {"redirect_uris": ["http://localhost:6274/oauth/callback"], "token_endpoint_auth_method": "none",
                  "client_name": "MCP Inspector", "client_uri": "https://github.com/modelcontextprotocol/inspector",
                  "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": "",
                  "origin": "http://localhost:6274"},
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_of_the_field_connects_from_nothing_but_the_url(gateway, name):
    metadata = dict(CLIENTS[name])
    ask, port, use, origin = (metadata.pop(k, None) for k in ("ask", "use_port", "use", "origin"))
    headers = {"Accept": "*/*", "User-Agent": "python-httpx/0.28"} | ({"Origin": origin} if origin else {})
    with gateway.http(headers=headers) as http:
        probe = http.post(gateway.mcp_url, json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": name, "version": "1"}}}) if not origin else \
            http.get(gateway.issuer + "/.well-known/oauth-protected-resource/mcp")
        if not origin:
            assert probe.status_code == 401
            where = re.search(r'resource_metadata="([^"]+)"', probe.headers["www-authenticate"])[1]
        else:
            assert probe.headers["access-control-allow-origin"] in ("*", origin)
            where = gateway.issuer + "/.well-known/oauth-protected-resource/mcp"
        resource = http.get(where).json()
        assert resource["resource"] == gateway.mcp_url
        server = http.get(resource["authorization_servers"][0] + "/.well-known/oauth-authorization-server").json()
        assert "S256" in server["code_challenge_methods_supported"] and "offline_access" in server["scopes_supported"]
        # Clients that probe the path of the endpoint or OpenID's document meet an answer in JSON, never a page.
        assert http.get(gateway.issuer + "/.well-known/oauth-authorization-server/mcp").json()["issuer"] == gateway.issuer
        assert http.get(gateway.issuer + "/.well-known/openid-configuration").headers["content-type"].startswith("application/json")
        for _ in range(2 if name == "claude.ai" else 1):  # Claude registers twice
            client = http.post(server["registration_endpoint"], json=metadata)
            assert client.status_code == 201, client.text
    client = client.json()
    redirect = use or (client["redirect_uris"][0].replace(":3118", f":{port}") if port else client["redirect_uris"][0])
    verifier, challenge = pkce()
    url = gateway.authorize_url(client, challenge, redirect_uri=redirect, scope=ask or "qarnot:read")
    landed = urlsplit(gateway.browse(url))
    assert f"{landed.scheme}://{landed.netloc}{landed.path}" == redirect
    form = {"grant_type": "authorization_code", "code": parse_qs(landed.query)["code"][0], "code_verifier": verifier,
            "client_id": client["client_id"], "redirect_uri": redirect, "resource": gateway.mcp_url}
    if "client_secret" in client:
        form["client_secret"] = client["client_secret"]
    tokens = gateway.token(form)
    assert tokens.status_code == 200 and "refresh_token" in tokens.json(), tokens.text
    assert gateway.call(tokens.json()["access_token"], "whoami").status_code == 200
    # One id names the whole way, so that an operator sees where one ended.
    flow = gateway.records("--event", "flow.connected")[-1]["flow"]
    way = [(r["event"], r.get("step")) for r in gateway.records("--flow", flow)]
    for event in ("client.registered", "auth.login", "consent.granted", "token.issued", "flow.connected"):
        assert event in [name for name, _ in way], way
    assert ("flow.step", "resource metadata") in way or ("flow.step", "server metadata") in way or name == "claude.ai", way
