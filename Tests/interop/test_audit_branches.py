"""Each branch that matters to security leaves exactly one record of its own (AUD-1)."""
import httpx

from gateway import Gateway

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
