"""Guessing of passwords (BF-1): what was counted outlives the process, the owner's browser is spared, spraying is told."""
import httpx
import pytest

from gateway import Gateway, Page


@pytest.fixture
def gateway(tmp_path):
    running = Gateway(tmp_path / "gateway").start()
    yield running
    assert running.stop() == 0


def attempt(gateway, http: httpx.Client, username: str, password: str) -> httpx.Response:
    """Fills in the sign-in page as a browser would."""
    page = Page(http.get(gateway.issuer + "/login").text)
    fields = {f["name"]: f.get("value", "") for f in page.forms[0]["fields"] if f.get("name")}
    fields |= {"username": username, "password": password}
    return http.post(gateway.issuer + "/login", data=fields, headers={"Origin": gateway.issuer, "Sec-Fetch-Site": "same-origin"})


def test_a_restart_gives_nobody_new_tries(gateway):
    ada = gateway.add_user("ada")
    with gateway.http() as http:
        for _ in range(11):
            answer = attempt(gateway, http, "ada", "not the password")
            if answer.status_code == 429:
                break
        # Nine failures would wait 16 s; a restart takes less.
        while answer.status_code != 429 or int(answer.headers["retry-after"]) < 8:
            if answer.status_code == 429:
                import time
                time.sleep(int(answer.headers["retry-after"]))
            answer = attempt(gateway, http, "ada", "not the password")
    gateway.stop()
    gateway.start()
    with gateway.http() as http:
        answer = attempt(gateway, http, "ada", ada["password"])
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
        demo = gateway.user
        assert attempt(gateway, http, demo["username"], demo["password"]).status_code == 303, "another account is as before"


def test_a_browser_is_known_after_it_signed_in(gateway):
    with gateway.http() as http:
        answer = attempt(gateway, http, gateway.user["username"], gateway.user["password"])
        lines = [line for line in answer.headers.get_list("set-cookie") if line.startswith("__Host-gh_dev=")]
        assert len(lines) == 1
        for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert word in lines[0]
        assert "Domain" not in lines[0] and gateway.user["username"] not in lines[0]
        assert http.get(gateway.issuer + "/account", cookies={}).status_code == 200
    with gateway.http(headers={"Cookie": lines[0].split(";")[0]}) as http:
        assert http.get(gateway.issuer + "/account").status_code != 200, "it lets in nobody"


def test_many_accounts_tried_from_one_address_raise_an_alarm(gateway):
    with gateway.http() as http:
        for index in range(10):
            assert attempt(gateway, http, f"person{index}", "a guess that is wrong").status_code == 401
    alarms = gateway.records("--event", "auth.session.anomaly")
    assert len(alarms) == 1 and alarms[0]["severity"] == "critical"
    assert alarms[0]["what"] == "password spraying" and alarms[0]["accounts"] == 10
