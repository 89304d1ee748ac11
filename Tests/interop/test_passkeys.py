"""Passkeys in a real browser with WebDriver's virtual authenticator (MFA-2), and the fields of a copied one by hand."""
import base64, hashlib, secrets, time
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.virtual_authenticator import Credential, Protocol, Transport, VirtualAuthenticatorOptions
from selenium.webdriver.support.ui import WebDriverWait

from gateway import Page
from test_pages import browser, is_sound, picture, press, shown  # noqa: F401


def plug_in(driver, resident=True, verifies=True, transport=Transport.INTERNAL):
    options = VirtualAuthenticatorOptions(
        protocol=Protocol.CTAP2, transport=transport, has_resident_key=resident, has_user_verification=verifies, is_user_verified=verifies)
    driver.add_virtual_authenticator(options)


def at(driver, path):
    WebDriverWait(driver, 20).until(lambda b: urlsplit(b.current_url).path == path)


def with_password(driver, gateway, user):
    driver.get(gateway.issuer + "/login")
    driver.find_element(By.ID, "username").send_keys(user["username"])
    driver.find_element(By.ID, "password").send_keys(user["password"] + Keys.ENTER)


def enrol(driver, gateway, user):
    with_password(driver, gateway, user)
    at(driver, "/account")
    press(driver, "Add a passkey")
    shown(driver, "h1", "Add a passkey")
    driver.find_element(By.ID, "password").send_keys(user["password"] + Keys.ENTER)
    shown(driver, "button", "Create the passkey")
    is_sound(driver)
    picture(driver, "passkey-new")
    press(driver, "Create the passkey")
    shown(driver, "h1", "Recovery codes")
    codes = [code.text for code in driver.find_elements(By.CSS_SELECTOR, ".copy code")]
    assert len(codes) == 10
    driver.get(gateway.issuer + "/account")
    return codes


def sign_out(driver):
    press(driver, "Sign out")
    at(driver, "/login")


def outcomes(gateway, event, user):
    return [(r["outcome"], r.get("reason")) for r in gateway.records("--event", event, "--user", user["username"])]


def test_a_person_adds_a_passkey_and_signs_in_with_it_alone(gateway, browser):
    user = gateway.add_user("hedy")
    plug_in(browser)
    enrol(browser, gateway, user)
    shown(browser, "section", "Signing in asks for a passkey. 10 recovery codes are left.")
    is_sound(browser)
    picture(browser, "account-passkey")
    sign_out(browser)
    is_sound(browser)
    picture(browser, "sign-in-passkey")
    press(browser, "Sign in with a passkey")
    at(browser, "/account")
    assert ("success", None) in outcomes(gateway, "mfa.enrolled", user)
    logins = gateway.records("--event", "auth.login", "--user", "hedy")
    assert [record["method"] for record in logins] == ["password", "passkey"]
    sign_out(browser)

    client = gateway.register(redirect_uris=[gateway.issuer + "/health"])
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    browser.get(gateway.authorize_url(client, challenge))
    is_sound(browser)
    press(browser, "Sign in with a passkey")
    shown(browser, "button[value=allow]", "Allow")
    press(browser, "Allow")
    WebDriverWait(browser, 20).until(lambda b: "code=" in b.current_url)
    landed = parse_qs(urlsplit(browser.current_url).query)
    tokens = gateway.redeem(client, landed["code"][0], verifier).json()
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200

    listed = gateway.command("user", "passkey", "list", "hedy", "--json")
    assert listed.returncode == 0 and '"last_used_at":"' in listed.stdout
    reset = gateway.command("user", "otp", "reset", "hedy")
    assert reset.returncode == 0
    time.sleep(1)  # within which a command takes effect (contract §6)
    assert gateway.call(tokens["access_token"], "whoami").status_code == 401
    browser.get(gateway.issuer + "/login")
    press(browser, "Sign in with a passkey")
    shown(browser, "[role=alert]", "not known here")


def test_a_key_without_a_check_of_its_owner_is_a_second_factor_alone(gateway, browser):
    user = gateway.add_user("radia")
    plug_in(browser, resident=False, verifies=False, transport=Transport.USB)
    codes = enrol(browser, gateway, user)
    sign_out(browser)
    press(browser, "Sign in with a passkey")
    shown(browser, "[role=alert]", "No passkey was used")
    with_password(browser, gateway, user)
    shown(browser, "h1", "One more step")
    is_sound(browser)
    picture(browser, "second-factor-passkey")
    press(browser, "Use a passkey")
    at(browser, "/account")
    assert gateway.records("--event", "auth.login", "--user", "radia")[-1]["method"] == "password passkey"
    sign_out(browser)
    with_password(browser, gateway, user)
    shown(browser, "h1", "One more step")
    browser.find_element(By.ID, "otp").send_keys(codes[3] + Keys.ENTER)
    at(browser, "/account")


def test_a_copied_key_is_refused_and_reported(gateway, browser):
    user = gateway.add_user("joan")
    plug_in(browser)
    enrol(browser, gateway, user)
    for _ in range(2):
        sign_out(browser)
        press(browser, "Sign in with a passkey")
        at(browser, "/account")
    original = browser.get_credentials()[0]
    assert original.sign_count >= 2
    browser.remove_credential(original.id)
    browser.add_credential(Credential.create_resident_credential(
        base64.urlsafe_b64decode(original.id + "=" * (-len(original.id) % 4)), original.rp_id,
        base64.urlsafe_b64decode(original.user_handle + "=" * (-len(original.user_handle) % 4)),
        base64.urlsafe_b64decode(original.private_key + "=" * (-len(original.private_key) % 4)), 1))
    sign_out(browser)
    press(browser, "Sign in with a passkey")
    shown(browser, "[role=alert]", "cannot be trusted any more")
    browser.get(gateway.issuer + "/account")
    at(browser, "/login")
    anomaly = gateway.records("--event", "auth.session.anomaly", "--user", "joan")[-1]
    assert anomaly["outcome"] == "denied" and anomaly["severity"] == "critical" and anomaly["what"] == "passkey counter went back"


def test_removing_a_passkey_asks_again(gateway, browser):
    user = gateway.add_user("adele")
    plug_in(browser)
    enrol(browser, gateway, user)
    press(browser, "Remove")
    shown(browser, "button", "Use a passkey instead")
    is_sound(browser)
    picture(browser, "passkey-remove")
    browser.find_element(By.ID, "password").send_keys("not the password" + Keys.ENTER)
    shown(browser, "[role=alert]", "not right")
    press(browser, "Use a passkey instead")
    shown(browser, "[role=status]", "The passkey is removed.")
    shown(browser, "section", "Signing in asks for the password alone.")
    assert ("success", None) in outcomes(gateway, "mfa.removed", user)
    sign_out(browser)
    with_password(browser, gateway, user)
    at(browser, "/account")


def test_without_a_script_the_password_still_works(gateway, browser):
    """The passkey's form is there and hidden; the first form of the page is the one with the password."""
    user = gateway.add_user("mary")
    with gateway.http() as http:
        answer = http.get(gateway.issuer + "/login")
        forms = Page(answer.text).forms
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert [field.get("name") for field in forms[0]["fields"]][1:3] == ["username", "password"]
    assert gateway.records("--event", "auth.login", "--user", "mary") == []
    client = gateway.register()
    gateway.code(client, user)
