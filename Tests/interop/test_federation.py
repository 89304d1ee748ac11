"""Signing in with an OpenID provider: a real one of PyPI (oidc-provider-mock, on Authlib), driven like a browser would (oauth.md 15)."""
import base64, hashlib, json, re, secrets, socket, subprocess, sys, time
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import jwt
import pytest

from gateway import Gateway, Page
from test_authorization import signed_in, submit, totp


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def provider():
    port = free_port()
    people = [{"sub": "77", "preferred_username": "newcomer", "email": "new@corp.example", "email_verified": True},
              {"sub": "78", "preferred_username": "demo"}, {"sub": "79", "preferred_username": "Bad Name!"}]
    words = [str(Path(sys.executable).parent / "oidc-provider-mock"), "--port", str(port), "--require-nonce", "true"]
    for person in people:
        words += ["--user-claims", json.dumps(person)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            if httpx.get(issuer + "/.well-known/openid-configuration").status_code == 200:
                break
        except httpx.HTTPError:
            time.sleep(0.05)
    yield httpx.get(issuer + "/.well-known/openid-configuration").json()["issuer"]
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, provider):
    overlay = f"""
login:
  providers:
    - {{ name: corp, title: Corp, issuer: "{provider}", client_id: gate, client_secret: s3cr3t-of-the-gate, new_user_role: viewer }}
    - {{ name: linked, title: Linked, issuer: "{provider}", client_id: gate, client_secret: s3cr3t-of-the-gate, link_existing: on }}
"""
    running = Gateway(tmp_path_factory.mktemp("gateway"), overlay).start()
    yield running
    assert running.stop() == 0


def sign_in(gateway, http: httpx.Client, url: str, subject: str) -> httpx.Response:
    """Follows the link, answers the provider's form as `subject`, and returns the gateway's answer to the callback."""
    started = http.get(url)
    assert started.status_code == 303, started.text
    query = parse_qs(urlsplit(started.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"] and query["nonce"] and query["redirect_uri"][0].startswith(gateway.issuer + "/callback/")
    with httpx.Client(timeout=20) as other:
        answer = other.post(started.headers["location"], data={"sub": subject}, follow_redirects=False)
        assert answer.is_redirect, answer.text
    return http.get(answer.headers["location"], headers={"Sec-Fetch-Site": "cross-site"})


def test_a_person_of_the_provider_gets_an_account_and_connects_a_client(gateway):
    client = gateway.register()
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with gateway.http(headers={"Accept": "text/html"}) as http:
        login = http.get(gateway.authorize_url(client, challenge, scope="qarnot:read"))
        link = next(l for l in Page(login.text).links if "/login/corp" in l)
        assert "Sign in with Corp" in login.text
        back = sign_in(gateway, http, urljoin(gateway.issuer, link), "77")
        assert back.status_code == 200 and "__Host-gh_sid" in back.headers["set-cookie"], back.text
        consent = http.get(Page(back.text).refresh)
        data = {f["name"]: f.get("value", "") for f in Page(consent.text).forms[0]["fields"] if f.get("name")}
        done = http.post(gateway.issuer + "/consent", data={**data, "decision": "allow"}, headers={"Origin": gateway.issuer})
        code = parse_qs(urlsplit(Page(done.text).refresh).query)["code"][0]
    tokens = gateway.redeem(client, code, verifier).json()
    me = gateway.call(tokens["access_token"], "whoami").json()["result"]["structuredContent"]
    assert me["user"] == "newcomer" and me["role"] == "viewer"
    assert any(r["event"] == "auth.login" and r.get("idp") == "corp" for r in gateway.records("--user", "newcomer"))
    with gateway.http() as http:  # the second time the same person is the same user
        back = sign_in(gateway, http, gateway.issuer + "/login/corp", "77")
        assert "newcomer" in http.get(Page(back.text).refresh).text


def test_a_provider_does_not_take_over_an_account_by_its_name(gateway):
    with gateway.http() as http:
        back = sign_in(gateway, http, gateway.issuer + "/login/corp", "78")
        assert back.status_code == 403 and "no account here" in back.text and "set-cookie" not in back.headers
        odd = sign_in(gateway, http, gateway.issuer + "/login/corp", "79")
        assert odd.status_code == 403


def test_a_provider_stands_for_the_password_and_not_for_the_second_factor(gateway):
    with closing(signed_in(gateway, gateway.user)) as http:
        page = submit(gateway, http, "begin-otp", password=gateway.user["password"]).text
        secret = re.search(r'<code class="copy">([A-Z2-7]{32})</code>', page)[1]
        token = re.search(r'name="token" value="([^"]+)"', page)[1]
        done = http.post(gateway.issuer + "/account", headers={"Origin": gateway.issuer},
                         data={"token": token, "action": "confirm-otp", "otp": totp(secret, time.time())}).text
        code = re.search(r"<code>([a-z0-9-]{19})</code>", done)[1]
    with gateway.http(headers={"Accept": "text/html"}) as http:
        ask = sign_in(gateway, http, gateway.issuer + "/login/linked", "78")
        assert 'name="otp"' in ask.text and "__Host-gh_sid" not in ask.headers.get("set-cookie", "")
        data = {f["name"]: f.get("value", "") for f in Page(ask.text).forms[0]["fields"] if f.get("name")}
        post = lambda otp: http.post(gateway.issuer + "/login", data={**data, "otp": otp}, headers={"Origin": gateway.issuer})
        assert post("000000").status_code == 401
        assert post(code).status_code == 303
        assert "demo" in http.get(gateway.issuer + "/account").text


def test_an_answer_is_taken_from_the_browser_that_asked_once_and_nowhere_else(gateway):
    with gateway.http() as victim, gateway.http() as attacker:
        started = attacker.get(gateway.issuer + "/login/corp")
        with httpx.Client(timeout=20) as other:
            answer = other.post(started.headers["location"], data={"sub": "77"}, follow_redirects=False)
        callback = answer.headers["location"]
        assert victim.get(callback).status_code == 403, "another browser"
        assert attacker.get(callback).status_code == 200
        assert attacker.get(callback).status_code == 403, "a second time"
        assert attacker.get(gateway.issuer + "/callback/corp?code=x&state=y").status_code == 403
        denied = parse_qs(urlsplit(attacker.get(gateway.issuer + "/login/corp").headers["location"]).query)["state"][0]
        refused = attacker.get(gateway.issuer + "/callback/corp", params={"error": "access_denied", "state": denied,
                                                                         "error_description": "<script>alert(1)</script>"})
        assert refused.status_code == 403 and "script" not in refused.text
        assert attacker.get(gateway.issuer + "/login/unknown").status_code == 404


def test_a_provider_that_is_away_is_told_in_a_sentence(tmp_path):
    overlay = f'login: {{ providers: [ {{ name: gone, title: Gone, issuer: "http://127.0.0.1:{free_port()}", client_id: x }} ] }}\n'
    gateway = Gateway(tmp_path, overlay).start()
    try:
        with gateway.http() as http:
            answer = http.get(gateway.issuer + "/login/gone")
            assert answer.status_code == 503 and "does not answer" in answer.text
    finally:
        gateway.stop()
