"""The pages in a real browser: signing in, consent with an unticked scope, a key, ending access. With GATEHOUSE_SCREENSHOTS=1 the
pictures under docs/screenshots are taken again."""
import base64, hashlib, os, secrets, shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "screenshots"


@pytest.fixture
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1"):
        options.add_argument(word)
    options.set_capability("acceptInsecureCerts", True)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(30)
    driver.set_window_size(390, 844)
    yield driver
    driver.quit()


def picture(driver, name, scheme="light", width=390):
    if not os.environ.get("GATEHOUSE_SCREENSHOTS"):
        return
    PICTURES.mkdir(exist_ok=True)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    size = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": {
        "x": 0, "y": 0, "width": width, "height": min(size["height"], 2400), "scale": 1}})
    (PICTURES / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def is_sound(driver):
    """What must hold on every page: every input has a label, nothing overflows a phone or 200 % zoom, nothing was blocked."""
    for field in driver.find_elements(By.CSS_SELECTOR, "input:not([type=hidden])"):
        assert field.accessible_name, f"an input without a name: {field.get_attribute('outerHTML')}"
    for button in driver.find_elements(By.CSS_SELECTOR, "button"):
        assert button.accessible_name
    assert len(driver.find_elements(By.TAG_NAME, "h1")) == 1 and driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    for width in (390, 195):  # 195 is a phone at 200 %
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False})
        overflow = driver.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{overflow} px too wide at {width}"
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    blocked = [line for line in driver.get_log("browser") if "Content Security Policy" in line["message"]]
    assert not blocked, blocked


def shown(driver, selector, text=""):
    """Waits for it: a click may return before the next page is there."""
    def look(browser):
        return any(text in element.text for element in browser.find_elements(By.CSS_SELECTOR, selector))
    WebDriverWait(driver, 20, ignored_exceptions=[StaleElementReferenceException]).until(look)


def press(driver, text):
    driver.find_element(By.XPATH, f"//button[normalize-space()='{text}']").click()


def sign_in(driver, user):
    assert driver.switch_to.active_element.get_attribute("name") == "username"
    driver.switch_to.active_element.send_keys(user["username"])
    driver.switch_to.active_element.send_keys(Keys.TAB)  # by keyboard alone
    driver.switch_to.active_element.send_keys(user["password"] + Keys.ENTER)


def test_a_person_connects_a_client_narrows_it_and_ends_it(gateway, browser):
    user = gateway.add_user("grace")
    client = gateway.register(redirect_uris=[gateway.issuer + "/health"], client_name="Research notebook")
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    browser.get(gateway.authorize_url(client, challenge, scope="qarnot:read qarnot:execute"))
    is_sound(browser)
    picture(browser, "login")
    picture(browser, "login-dark", "dark")
    sign_in(browser, user)
    shown(browser, "button[value=allow]")
    is_sound(browser)
    assert "Research notebook" in browser.find_element(By.TAG_NAME, "h1").text
    picture(browser, "consent")
    picture(browser, "consent-dark", "dark")
    browser.find_element(By.CSS_SELECTOR, "input[value='qarnot:execute']").click()
    press(browser, "Allow")
    WebDriverWait(browser, 20).until(lambda b: "code=" in b.current_url)
    landed = parse_qs(urlsplit(browser.current_url).query)
    tokens = gateway.redeem(client, landed["code"][0], verifier).json()
    assert tokens["scope"] == "qarnot:read"
    assert gateway.call(tokens["access_token"], "whoami").status_code == 200

    browser.get(gateway.issuer + "/account")
    is_sound(browser)
    browser.find_element(By.ID, "key-qarnot").send_keys(gateway.user["qarnot_key"])
    press(browser, "Save key")
    shown(browser, "[role=status]", "saved")
    assert gateway.user["qarnot_key"] not in browser.page_source
    is_sound(browser)
    picture(browser, "account")
    picture(browser, "account-dark", "dark")
    browser.find_element(By.CSS_SELECTOR, "button[aria-label='Revoke Research notebook']").click()
    shown(browser, "[role=status]", "no access any more")
    assert gateway.call(tokens["access_token"], "whoami").status_code == 401

    browser.find_element(By.ID, "otp-password").send_keys(user["password"])
    press(browser, "Set up an app")
    shown(browser, "svg.qr")
    is_sound(browser)
    picture(browser, "authenticator")
    browser.get(gateway.issuer + "/device")
    is_sound(browser)
    picture(browser, "device")
    browser.get(gateway.issuer + "/account")
    press(browser, "Sign out")
    WebDriverWait(browser, 20).until(lambda b: b.current_url == gateway.issuer + "/login")


def test_a_refusal_is_a_page_that_says_what_to_do(gateway, browser):
    client = gateway.register()
    browser.get(gateway.authorize_url(client, "x" * 43, redirect_uri="https://evil.example/"))
    is_sound(browser)
    assert urlsplit(browser.current_url).netloc == urlsplit(gateway.issuer).netloc
    picture(browser, "refused")
    browser.get(gateway.issuer + "/")
    is_sound(browser)
    picture(browser, "home")
