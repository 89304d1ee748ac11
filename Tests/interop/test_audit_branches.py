"""Each branch that matters to security leaves exactly one record of its own (AUD-1)."""
import json
import re
import secrets
import time
from contextlib import closing

import httpx

from gateway import Gateway, Page
from test_authorization import Key, added, signed_in, submit, totp

NOT_OF_A_BRANCH = ("audit.", "flow.", "server.", "tls.", "client.metadata.")


class Recorder:
    def __init__(self, gateway):
        self.gateway, self.seen = gateway, 0
        self.take()

    def take(self):
        records = [r for r in self.gateway.records() if r["seq"] > self.seen]
        self.seen = max([self.seen, *(r["seq"] for r in records)])
        return [(r["event"], r["outcome"]) for r in records if not r["event"].startswith(NOT_OF_A_BRANCH)]

    def expect(self, what, *events):
        found = self.take()
        wanted = [tuple(event.split()) if " " in event else (event, "success") for event in events]
        assert sorted(found) == sorted(wanted), f"{what}: {found}"


def test_each_branch_of_tokens_and_consents_leaves_one_record(gateway):
    record, client = Recorder(gateway), gateway.register()
    record.expect("registration", "client.registered")
    code, verifier = gateway.code(client)
    record.expect("sign-in and consent", "auth.login", "consent.granted")
    tokens = {**gateway.redeem(client, code, verifier).json(), "client_id": client["client_id"]}
    record.expect("redemption", "token.issued")
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200
    record.expect("a call that reads", "mcp.tool.called")
    refreshed = {**gateway.refresh(tokens).json(), "client_id": client["client_id"]}
    record.expect("refresh", "token.refreshed")
    gateway.refresh(tokens)
    record.expect("refresh within the grace", "token.refresh.grace_used")
    with gateway.http() as http:
        http.post(gateway.issuer + "/revoke", data={"token": refreshed["refresh_token"], "client_id": client["client_id"]})
    record.expect("revocation (RV-1: the whole grant)", "grant.revoked")
    assert gateway.refresh(refreshed).status_code == 400
    assert ("token.issued", "success") not in record.take()
    gateway.redeem(client, code, verifier)
    record.expect("a code used again", "token.code.replayed denied")


def test_each_refusal_at_the_edge_leaves_one_record(gateway):
    tokens = gateway.grant(scope="qarnot:read")
    record = Recorder(gateway)
    assert gateway.call(tokens["access_token"], "submit_task").status_code == 403
    record.expect("a tool beyond the scope", "mcp.tool.denied denied")
    assert gateway.rpc(tokens["access_token"], "tools/list", headers={"Origin": "https://evil.example"}).status_code == 403
    record.expect("a foreign origin", "origin.rejected denied")
    client = gateway.register()
    record.take()
    with gateway.http() as http:
        http.get(gateway.authorize_url({**client, "redirect_uris": ["https://evil.example/"]}, "A" * 43))
    record.expect("a foreign redirect URI", "authz.request.rejected denied")
    gateway.browse(gateway.authorize_url(client, "A" * 43), decision="deny")
    record.expect("a no", "auth.login", "consent.denied denied")


def test_each_command_that_changes_something_leaves_one_record(folder):
    gateway = Gateway(folder).start()
    record, password = Recorder(gateway), "a long enough sentence\n"
    made = []

    def run(*words, input=None):
        done = gateway.command(*words, input=input)
        assert done.returncode == 0, done
        made.append(done.stdout)

    for words, text, events in (
        (("user", "add", "ada", "--role", "viewer", "--password-stdin"), password, ["user.created"]),
        (("user", "set-role", "ada", "operator"), None, ["role.granted"]),
        (("user", "passwd", "ada", "--password-stdin"), "another long sentence\n", ["password.changed"]),
        (("user", "disable", "ada"), None, ["user.disabled"]),
        (("user", "enable", "ada"), None, ["user.enabled"]),
        (("key", "set", "ada", "qarnot", "--stdin"), gateway.user["qarnot_key"] + "\n", ["vault.key.stored"]),
        (("key", "remove", "ada", "qarnot"), None, ["vault.key.removed"]),
        (("client", "add", "--name", "n", "--redirect", "http://127.0.0.1:9/cb"), None, ["client.registered"]),
        (("token", "issue", "ada", "--name", "n", "--scope", "qarnot:read"), None, ["token.issued"]),
        (("user", "remove", "ada", "--yes"), None, ["user.deleted"]),
    ):
        run(*words, input=text)
        record.expect(" ".join(words[:2]), *events)
    gateway.stop()


def form_of(page):
    return {f["name"]: f.get("value", "") for f in Page(page.text).forms[0]["fields"] if f.get("name")}


def test_each_branch_of_a_second_factor_leaves_one_record(gateway):
    user = gateway.add_user("factors")
    own = {"Origin": gateway.issuer}
    with closing(signed_in(gateway, user)) as http:
        record = Recorder(gateway)
        page = submit(gateway, http, "begin-otp", password=user["password"]).text
        record.expect("a secret that is not confirmed yet")
        secret = re.search(r'<code class="copy">([A-Z2-7]{32})</code>', page)[1]
        token, begun = re.search(r'name="token" value="([^"]+)"', page)[1], time.time()
        http.post(gateway.issuer + "/account", data={"token": token, "action": "confirm-otp", "otp": "000000"}, headers=own)
        record.expect("a code that does not confirm")
        done = http.post(gateway.issuer + "/account", data={"token": token, "action": "confirm-otp", "otp": totp(secret, begun)}, headers=own)
        codes = re.findall(r"<code>([a-z0-9-]{19})</code>", done.text)
        record.expect("enrolment", "mfa.enrolled")
    with gateway.http(headers={"Accept": "text/html"}) as http:
        ask = http.post(gateway.issuer + "/login", data={**form_of(http.get(gateway.issuer + "/login")), **user}, headers=own)
        record.expect("a password that is not enough")
        data = form_of(ask)
        post = lambda code: http.post(gateway.issuer + "/login", data={**data, "otp": code}, headers=own)
        assert post("123456").status_code == 401
        record.expect("a wrong code", "auth.mfa.challenge failure")
        assert post(codes[0]).status_code == 303
        record.expect("a recovery code", "auth.login", "mfa.recovery_used")
    assert gateway.command("user", "otp", "reset", "factors").returncode == 0
    record.expect("a factor that is lost", "mfa.removed")


def test_each_branch_of_a_sign_in_leaves_one_record(gateway):
    user = gateway.add_user("signer")
    own = {"Origin": gateway.issuer}
    record = Recorder(gateway)
    with gateway.http(headers={"Accept": "text/html"}) as http:
        fields = form_of(http.get(gateway.issuer + "/login"))
        wrong = http.post(gateway.issuer + "/login", data={**fields, **user, "password": "not the password at all"}, headers=own)
        assert wrong.status_code == 401
        record.expect("a wrong password", "auth.login failure")
        stranger = http.post(gateway.issuer + "/login", data={**fields, "username": "nobody-here", "password": "x" * 20}, headers=own)
        assert stranger.status_code == 401
        record.expect("a user who is not there", "auth.login failure")
    with closing(signed_in(gateway, user)) as http:
        record.expect("a sign-in", "auth.login")
        new = secrets.token_urlsafe(18)
        submit(gateway, http, "change-password", password=user["password"], new_password=new)
        record.expect("a new password", "password.changed")
        submit(gateway, http, "set-key", engine="qarnot", key=gateway.user["qarnot_key"])
        record.expect("a key", "vault.key.stored")
        submit(gateway, http, "remove-key", engine="qarnot")
        record.expect("a key removed", "vault.key.removed")
    assert gateway.command("user", "disable", "signer").returncode == 0
    record.expect("a user disabled", "user.disabled")
    with gateway.http(headers={"Accept": "text/html"}) as http:
        fields = form_of(http.get(gateway.issuer + "/login"))
        assert http.post(gateway.issuer + "/login", data={**fields, **user, "password": new}, headers=own).status_code == 401
    record.expect("a disabled user", "auth.login failure")


def test_each_branch_of_an_invitation_leaves_one_record(gateway):
    record = Recorder(gateway)
    made = gateway.command("user", "add", "invited", "--role", "operator", "--invite", "--json")
    record.expect("an invitation", "user.created", "invite.created")
    link, own = json.loads(made.stdout)["invite_url"], {"Origin": gateway.issuer}
    with gateway.http(headers={"Accept": "text/html"}) as http:
        data = form_of(http.get(link))
        http.post(gateway.issuer + "/invite", data={**data, "password": "short"}, headers=own)
        record.expect("a password that will not do")
        http.post(gateway.issuer + "/invite", data={**data, "password": secrets.token_urlsafe(18)}, headers=own)
        record.expect("an invitation taken", "invite.used")
        assert http.get(link).status_code == 404
    record.expect("an invitation taken twice")


def test_each_branch_of_a_device_leaves_one_record(gateway):
    user, own = gateway.add_user("watcher"), {"Origin": gateway.issuer}
    client = added(gateway, "--name", "Set-top box", "--device")
    for decision, event in (("deny", "consent.denied denied"), ("allow", "consent.granted")):
        with closing(signed_in(gateway, user)) as http:
            record = Recorder(gateway)
            start = http.post(gateway.issuer + "/device_authorization", data={"client_id": client["client_id"], "scope": "qarnot:read"}).json()
            record.expect("a device that asks")
            data = form_of(http.get(start["verification_uri_complete"]))
            http.post(gateway.issuer + "/device", data={**data, "decision": decision}, headers=own)
            record.expect(f"a device: {decision}", event)
            poll = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": start["device_code"],
                    "client_id": client["client_id"]}
            answer = gateway.token(poll)
            if decision == "deny":
                assert answer.json()["error"] == "access_denied"
                record.expect("a device that was refused")
            else:
                assert answer.status_code == 200
                record.expect("a device connected", "token.issued")


def test_each_branch_of_bound_tokens_and_clients_leaves_one_record(gateway, tmp_path):
    key, client = Key(), gateway.register()
    code, verifier = gateway.code(client)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "client_id": client["client_id"],
            "redirect_uri": client["redirect_uris"][0]}
    record = Recorder(gateway)
    with gateway.http() as http:
        bad = http.post(gateway.issuer + "/token", data=form, headers={"DPoP": key.proof("GET", gateway.issuer + "/token")})
        assert bad.status_code == 400
        record.expect("a proof of another request", "dpop.rejected denied")
        token = http.post(gateway.issuer + "/token", data=form, headers={"DPoP": key.proof("POST", gateway.issuer + "/token")}).json()
        record.expect("a bound token", "token.issued")
        stolen = {"Authorization": f"DPoP {token['access_token']}", "DPoP": Key().proof("POST", gateway.mcp_url, token["access_token"])}
        assert gateway.rpc(None, "tools/list", headers=stolen, http=http).status_code == 401
        record.expect("a thief's proof", "dpop.rejected denied")
        assert gateway.rpc(token["access_token"], "tools/list", http=http).status_code == 401
        record.expect("a bound token without its proof", "token.rejected denied")
        assert gateway.rpc("gtha_" + "x" * 44, "tools/list", http=http).status_code == 401
        record.expect("a token that is none", "token.rejected denied")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [{**key.jwk, "kid": "k1", "use": "sig", "alg": "ES256"}]}))
    keyed = added(gateway, "--name", "keyed", "--redirect", "https://app.example/cb", "--jwks", str(tmp_path / "keys.json"))
    record.expect("a client", "client.registered")
    forged = gateway.token({"grant_type": "authorization_code", "code": "x", "code_verifier": "y" * 43, "redirect_uri": "https://app.example/cb",
                            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                            "client_assertion": Key().assertion(keyed["client_id"], gateway.issuer)})
    assert forged.status_code == 401
    record.expect("a forged assertion", "clientauth.failed failure")


def test_each_branch_of_pushed_requests_and_personal_tokens_leaves_one_record(gateway):
    client, record = gateway.register(), Recorder(gateway)
    form = {"client_id": client["client_id"], "redirect_uri": client["redirect_uris"][0], "response_type": "code", "state": "s",
            "code_challenge": "A" * 43, "code_challenge_method": "S256", "resource": gateway.mcp_url}
    with gateway.http() as http:
        assert http.post(gateway.issuer + "/par", data={**form, "redirect_uri": "https://evil.example/"}).status_code == 400
        record.expect("a pushed request that leads elsewhere", "authz.request.rejected denied")
        assert http.post(gateway.issuer + "/par", data=form).status_code == 201
        record.expect("a pushed request")
    assert gateway.command("token", "issue", "demo", "--name", "n", "--scope", "qarnot:read", "--json").returncode == 0
    record.expect("a personal token", "token.issued")
    tokens = [json.loads(line) for line in gateway.command("token", "list", "--json").stdout.splitlines()]
    assert gateway.command("token", "revoke", next(one["id"] for one in tokens if one["kind"] == "personal_token")).returncode == 0
    record.expect("a personal token revoked", "token.revoked")
