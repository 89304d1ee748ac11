"""Clients as an administrator keeps them: guessed secrets, pinned documents, leaked tokens."""
import json

import httpx


def test_ten_wrong_secrets_make_the_next_wait(gateway):
    """CLI-5."""
    added = json.loads(gateway.command(
        "client", "add", "--name", "Batch", "--redirect", "https://batch.example/cb", "--confidential", "--json").stdout)
    with gateway.http() as http:
        def ask(secret):
            return http.post(gateway.issuer + "/token", data={
                "grant_type": "refresh_token", "refresh_token": "x", "client_id": added["client_id"], "client_secret": secret})
        for _ in range(10):
            answer = ask("gths_" + "x" * 49)
            assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
        waiting = ask("gths_" + "x" * 49)
        assert waiting.status_code == 429 and int(waiting.headers["retry-after"]) >= 1
    assert gateway.records("--event", "clientauth.failed")[-1]["reason"] == "CLI-5"


def test_a_pinned_document_needs_no_fetch(gateway, folder):
    """CIMD-5: the host of this document does not exist."""
    url = "https://app.invalid/client.json"
    document = {"client_id": url, "client_name": "Pinned app", "redirect_uris": ["http://127.0.0.1:9/callback"],
                "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]}
    file = folder / "client.json"
    file.write_text(json.dumps(document | {"client_id": "https://other.invalid/client.json"}))
    refused = gateway.command("client", "pin", url, str(file))
    assert refused.returncode == 64 and "cannot be used" in refused.stderr
    file.write_text(json.dumps(document))
    assert gateway.command("client", "pin", url, str(file)).returncode == 0
    shown = json.loads(gateway.command("client", "show", url, "--json").stdout)
    assert shown["pinned"] is True and shown["kind"] == "metadata"
    tokens = gateway.redeem(document, *gateway.code(document)).json()
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200
    assert gateway.records("--event", "client.pinned")[-1]["outcome"] == "success"


def test_a_leaked_token_ends_its_grant(gateway):
    """FMT-5."""
    client = gateway.register()
    tokens = gateway.redeem(client, *gateway.code(client)).json()
    with gateway.http() as http:
        answer = http.post(gateway.issuer + "/token-leak", data={"token": tokens["access_token"]})
    assert answer.status_code == 202 and answer.text == ""
    assert gateway.call(tokens["access_token"], "whoami").status_code == 401
    assert gateway.records("--event", "token.leak.reported")[-1]["severity"] == "critical"
