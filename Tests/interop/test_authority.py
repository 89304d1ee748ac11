"""The authorization server beside its endpoints: keys that sign, hosts of clients, keys and grants, what the edge says."""
import json, re, socket, ssl, time

import jwt
import pytest

from gateway import Gateway, Page


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    overlay = """
oauth:
  jwt_resources: [qarnot]
  grants_end_with_key: on
  client_hosts: { allow: ["*.example.com"], deny: [evil.example.com] }
"""
    running = Gateway(tmp_path_factory.mktemp("gateway"), overlay).start()
    yield running
    assert running.stop() == 0


def keys(gateway) -> list[dict]:
    return [json.loads(line) for line in gateway.command("keys", "list", "--json").stdout.splitlines()]


def published(gateway) -> set[str]:
    with gateway.http() as http:
        return {key["kid"] for key in http.get(gateway.issuer + "/jwks.json").json()["keys"]}


def within_a_second(condition) -> bool:
    """Contract §6: what a command changed, the server follows within one second."""
    end = time.monotonic() + 1
    while not condition():
        if time.monotonic() > end:
            return condition()
        time.sleep(0.02)
    return True


def test_signing_keys_are_rotated_by_command_and_in_an_emergency(gateway):
    tokens = gateway.grant()
    first = jwt.get_unverified_header(tokens["access_token"])["kid"]
    assert [(k["kid"], k["state"]) for k in keys(gateway)] == [(first, "active")] and published(gateway) == {first}

    following = json.loads(gateway.command("keys", "rotate", "--json").stdout)["kid"]
    assert [k["state"] for k in keys(gateway)] == ["active", "next"]
    assert within_a_second(lambda: published(gateway) == {first, following}), "known to verifiers before it signs"
    assert jwt.get_unverified_header(gateway.refresh(tokens).json()["access_token"])["kid"] == first

    assert gateway.command("keys", "rotate", "--revoke-issued").returncode == 64
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200
    last = json.loads(gateway.command("keys", "rotate", "--now", "--revoke-issued", "--json").stdout)["kid"]
    assert within_a_second(lambda: gateway.call(tokens["access_token"], "whoami").status_code == 401)
    assert within_a_second(lambda: published(gateway) == {last}) and [k["state"] for k in keys(gateway)] == ["active"]
    renewed = gateway.refresh(tokens).json()
    assert jwt.get_unverified_header(renewed["access_token"])["kid"] == last, "clients go on by themselves"
    assert gateway.call(renewed["access_token"], "whoami").status_code == 200
    assert [r["how"] for r in gateway.records("--event", "key.rotated")][-2:] == ["by the calendar", "revoking what was issued"]


def test_a_removed_key_ends_its_grants_where_that_is_asked_for(gateway):
    user = gateway.add_user("keyed", key=True)
    tokens = gateway.grant(user)
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200
    assert gateway.command("key", "remove", "keyed", "qarnot").returncode == 0
    assert within_a_second(lambda: gateway.call(tokens["access_token"], "whoami").status_code == 401)
    assert gateway.refresh(tokens).json()["error"] == "invalid_grant"


def test_hosts_of_clients_are_refused_warned_about_or_vouched_for(gateway):
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    def page(uri: str) -> str:
        client = gateway.register(redirect_uris=[uri])
        with gateway.http(headers={"Accept": "text/html", "Sec-Fetch-Site": "cross-site"}) as http:
            answer = http.get(gateway.authorize_url(client, challenge))
            if answer.status_code != 200:
                return f"{answer.status_code}"
            data = {f["name"]: f.get("value", "") for f in Page(answer.text).forms[0]["fields"] if f.get("name")}
            signed = http.post(gateway.issuer + "/login", data={**data, "username": gateway.user["username"],
                               "password": gateway.user["password"]}, headers={"Origin": gateway.issuer, "Sec-Fetch-Site": "same-origin"})
            return http.get(signed.headers["location"]).text
    assert page("https://evil.example.com/cb") == "400"
    vouched, strange = page("https://app.example.com/cb"), page("https://elsewhere.example/cb")
    assert "No administrator here vouches" in strange and "No administrator here vouches" not in vouched
    assert "known here since" in strange and re.search(r"<summary>\d+ tools</summary>", strange) and "submit_task" in strange


def test_a_refusal_of_the_parser_names_its_request(gateway):
    host, port = gateway.issuer.removeprefix("https://").split(":")
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as raw:
        with gateway.tls().wrap_socket(raw, server_hostname=host) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            answer = tls.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 400")
    shown = re.search(r"x-request-id: (\S+)\r\n", answer, re.I)[1]
    assert json.loads(answer.split("\r\n\r\n")[1])["request_id"] == shown


def test_plain_http_gets_no_answer_from_the_gateway(gateway):
    port = int(gateway.issuer.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"POST /token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nContent-Length: 0\r\n\r\n")
        try:
            answer = raw.recv(4096)
        except ConnectionResetError:
            answer = b""
    assert not answer.startswith(b"HTTP/"), "whoever speaks in clear learns nothing and is led nowhere"
