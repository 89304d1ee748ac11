"""/admin in a real browser: inviting, disabling, roles, clients, sessions, and the queue of clients that wait (CON-4). The server
asks administrators for a second factor once they have one, and destructive tools for a recent strong sign-in (MFA-3)."""
import re
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from gateway import Gateway, Page
from test_pages import browser, is_sound, picture, press, shown  # noqa: F401
from test_passkeys import at, enrol, plug_in, sign_out

OVERLAY = """
oauth: { client_approval: on }
login:
  require: { operator: 1fa }
  step_up: { "qarnot:admin": { acr: 2fa, max_age: 15m } }
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("admin"), OVERLAY).start()
    yield running
    assert running.stop() == 0


def enter(driver, gateway, user, path="/admin"):
    driver.get(gateway.issuer + path)
    at(driver, "/login")
    driver.find_element(By.ID, "username").send_keys(user["username"])
    driver.find_element(By.ID, "password").send_keys(user["password"] + Keys.ENTER)


def button(driver, label):
    driver.find_element(By.CSS_SELECTOR, f"button[aria-label='{label}']").click()


def test_an_administrator_looks_after_people_and_programs(gateway, browser):
    boss = gateway.add_user("boss", role="admin")
    other = gateway.add_user("otto")
    client = gateway.register(client_name="Notebook")
    enter(browser, gateway, boss)
    at(browser, "/admin")
    shown(browser, "h1", "Administration")
    is_sound(browser)

    browser.get(gateway.issuer + "/admin/users")
    is_sound(browser)
    picture(browser, "admin-users")
    browser.find_element(By.ID, "name").send_keys("newcomer")
    browser.find_element(By.CSS_SELECTOR, "option[value=operator]").click()
    press(browser, "Make an invitation")
    shown(browser, "h1", "Invitation")
    link = browser.find_element(By.CSS_SELECTOR, "code.copy").text
    is_sound(browser)
    assert link.startswith(gateway.issuer + "/invite?code=")
    with gateway.http() as http:
        assert "Welcome" in http.get(link).text
    created = gateway.records("--event", "user.created", "--user", "newcomer")[-1]
    assert created["actor"] == "boss" and created["role"] == "operator"

    browser.get(gateway.issuer + "/admin/users?name=otto")
    is_sound(browser)
    picture(browser, "admin-user")
    press(browser, "Disable")
    shown(browser, "[role=status]", "otto is disabled")
    assert gateway.records("--event", "user.disabled", "--user", "otto")[-1]["actor"] == "boss"
    with pytest.raises(AssertionError):
        gateway.code(client, other)
    press(browser, "Enable")
    shown(browser, "[role=status]", "may sign in again")
    browser.find_element(By.CSS_SELECTOR, "option[value=viewer]").click()
    press(browser, "Set the role")
    shown(browser, "[role=status]", "otto has the role viewer")
    assert '"role":"viewer"' in gateway.command("user", "show", "otto", "--json").stdout

    browser.get(gateway.issuer + "/admin/users?name=boss")
    press(browser, "Disable")
    shown(browser, "[role=alert]", "cannot disable yourself")
    browser.get(gateway.issuer + "/admin/clients")
    is_sound(browser)
    picture(browser, "admin-clients")
    button(browser, "Remove Notebook")
    shown(browser, "h1", "Remove Notebook?")
    is_sound(browser)
    press(browser, "Remove")
    shown(browser, "[role=status]", "Notebook is removed")
    assert gateway.records("--event", "client.deleted")[-1]["actor"] == "boss"
    browser.get(gateway.issuer + "/admin/sessions")
    is_sound(browser)
    button(browser, "End the session of boss")
    at(browser, "/login")


def test_a_client_waits_until_an_administrator_says_yes(gateway, browser):
    person, chief = gateway.add_user("wanda"), gateway.add_user("chief", role="admin")
    client = gateway.register(client_name="Research notebook")
    browser.get(gateway.authorize_url(client, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))
    browser.find_element(By.ID, "username").send_keys(person["username"])
    browser.find_element(By.ID, "password").send_keys(person["password"] + Keys.ENTER)
    shown(browser, "h1", "Waiting for approval")
    is_sound(browser)
    picture(browser, "waiting")
    waiting = browser.current_url
    assert gateway.records("--event", "consent.required", "--user", "wanda")[-1]["outcome"] == "denied"
    assert '"username":"wanda"' in gateway.command("client", "list", "--pending", "--json").stdout
    browser.get(gateway.issuer + "/account")
    sign_out(browser)

    enter(browser, gateway, chief)
    shown(browser, "li", "wanda wants")
    is_sound(browser)
    picture(browser, "admin")
    picture(browser, "admin-dark", "dark")
    button(browser, "Approve Research notebook")
    shown(browser, "[role=status]", "Research notebook is approved")
    shown(browser, "section", "Nobody waits.")
    assert gateway.command("client", "list", "--pending", "--json").stdout.strip() == ""
    assert urlsplit(waiting).path == "/consent"
    tokens = gateway.redeem(client, *gateway.code(client, person)).json()
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200


def test_the_second_factor_is_asked_where_there_is_one(gateway, browser):
    careful = gateway.add_user("careful", role="admin")
    plug_in(browser)
    enrol(browser, gateway, careful)
    browser.get(gateway.issuer + "/admin")
    at(browser, "/login")  # the session is one of the password alone
    press(browser, "Sign in with a passkey")
    at(browser, "/admin")


def test_others_and_other_sites_are_turned_away(gateway):
    user, chief = gateway.add_user("curious"), gateway.add_user("boris", role="admin")
    with gateway.http() as http:
        assert http.get(gateway.issuer + "/admin/users").headers["location"] == gateway.issuer + "/login?device=admin"
        own = {"Origin": gateway.issuer, "Sec-Fetch-Site": "same-origin"}

        def sign_in(who):
            form = Page(http.get(gateway.issuer + "/login?device=admin").text).forms[0]
            data = {field["name"]: field.get("value", "") for field in form["fields"] if field.get("name")}
            return http.post(gateway.issuer + "/login", data=data | who, headers=own)

        assert sign_in(user).headers["location"] == gateway.issuer + "/admin"
        refused = http.get(gateway.issuer + "/admin")
        assert refused.status_code == 403 and "Only administrators" in refused.text
        http.cookies.clear()
        assert sign_in(chief).headers["location"] == gateway.issuer + "/admin"
        page = http.get(gateway.issuer + "/admin/users")
        assert "script" not in page.headers["content-security-policy"] and page.headers["cache-control"] == "no-store"
        token = re.search(r'name="token" value="([^"]+)"', page.text)[1]
        change = {"token": token, "action": "disable-user", "name": "curious"}
        for data, headers in (
            (change | {"token": "x" * 43}, own), (change, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}), (change, {}),
        ):
            assert http.post(gateway.issuer + "/admin/users", data=data, headers=headers).status_code == 403
        assert '"status":"active"' in gateway.command("user", "show", "curious", "--json").stdout
        assert http.post(gateway.issuer + "/admin/users", data=change, headers=own).status_code == 200
        assert '"status":"disabled"' in gateway.command("user", "show", "curious", "--json").stdout
        assert http.put(gateway.issuer + "/admin").status_code == 405


def test_a_tool_that_destroys_asks_for_a_stronger_sign_in(gateway):
    """RFC 9470: the challenge says which sign-in would do."""
    root = gateway.add_user("root1", role="admin", key=True)
    client = gateway.register()
    assert gateway.command("client", "approve", client["client_id"]).returncode == 0
    tokens = gateway.redeem(client, *gateway.code(client, root, scope="qarnot:execute")).json()
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200
    with gateway.http() as http:
        server = http.get(gateway.issuer + "/.well-known/oauth-authorization-server").json()
    assert server["acr_values_supported"] == ["1fa", "2fa", "phr"]
    # The scope itself is given to a strong sign-in alone.
    with pytest.raises(AssertionError, match="403"):
        gateway.code(client, root, scope="qarnot:admin")
