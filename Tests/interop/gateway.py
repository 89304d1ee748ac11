"""Starts a real gatehouse and plays the browser for it. Shared by every test here; needs only httpx."""
from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import ssl
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("GATEHOUSE_BIN", str(ROOT / ".build/debug/gatehouse"))
MODERN = "2026-07-28"


class Page(HTMLParser):
    """The forms, links and refresh target of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.forms, self.links, self.refresh = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "method": a.get("method", "get").upper(), "fields": []})
        elif tag in ("input", "button") and self.forms:
            self.forms[-1]["fields"].append(a)
        elif tag == "a" and a.get("href"):
            self.links.append(a["href"])
        elif tag == "meta" and a.get("http-equiv", "").lower() == "refresh":
            self.refresh = a["content"].split("url=", 1)[1]


class Gateway:
    started: list[subprocess.Popen] = []

    def __init__(self, folder: Path, overlay: str | None = None):
        self.folder, self.overlay, self.process, self.ready = folder, overlay, None, {}
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "gateway.log"

    def start(self, env: dict | None = None) -> "Gateway":
        ready = self.folder / f"ready-{secrets.token_hex(4)}.json"
        command = [BINARY, "dev", "--listen", "127.0.0.1:0", "--data-dir", str(self.folder / "data"), "--ready-file", str(ready)]
        if self.overlay:
            (self.folder / "overlay.yaml").write_text(self.overlay)
            command += ["--config", str(self.folder / "overlay.yaml")]
        self.process = subprocess.Popen(
            command, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        Gateway.started.append(self.process)
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.02)
        self.ready = json.loads(ready.read_text())
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)

    issuer = property(lambda self: self.ready["issuer"])
    mcp_url = property(lambda self: self.ready["mcp_url"])
    user = property(lambda self: self.ready["users"][0])

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ready["ca_file"])

    def http(self, **options) -> httpx.Client:
        return httpx.Client(verify=self.tls(), timeout=30, follow_redirects=False, **options)

    def command(self, *words: str, input: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [BINARY, *words, "--data-dir", self.ready["data_dir"]], input=input, text=True, capture_output=True, timeout=60)

    def records(self, *filters: str) -> list[dict]:
        out = self.command("audit", "search", *filters, "--json").stdout
        return [json.loads(line) for line in out.splitlines()]

    def add_user(self, name: str, role: str = "operator", key: bool = False) -> dict:
        password = secrets.token_urlsafe(18)
        assert self.command("user", "add", name, "--role", role, "--password-stdin", input=password + "\n").returncode == 0
        if key:
            assert self.command("key", "set", name, "qarnot", "--stdin", input=self.user["qarnot_key"] + "\n").returncode == 0
        return {"username": name, "password": password}

    # -- the OAuth client's side ---------------------------------------------------------------------------------

    def register(self, **extra) -> dict:
        body = {"client_name": "interop", "redirect_uris": ["http://127.0.0.1:9/callback"], "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "refresh_token"], **extra}
        with self.http() as http:
            answer = http.post(self.issuer + "/register", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def authorize_url(self, client: dict, challenge: str, **extra) -> str:
        query = {"response_type": "code", "client_id": client["client_id"], "redirect_uri": client["redirect_uris"][0], "state": "s",
                 "code_challenge": challenge, "code_challenge_method": "S256", "scope": "qarnot:execute", "resource": self.mcp_url, **extra}
        return str(httpx.URL(self.issuer + "/authorize", params={k: v for k, v in query.items() if v is not None}))

    def browse(self, url: str, user: dict | None = None, decision: str = "allow", untick: tuple = ()) -> str:
        """Signs in and answers like a person; returns the URL outside of the gateway it ends at."""
        user, method, data = user or self.user, "GET", None
        with self.http(headers={"Accept": "text/html", "Sec-Fetch-Site": "cross-site"}) as http:
            for _ in range(12):
                if not url.startswith(self.issuer + "/"):
                    return url
                own = {"Origin": self.issuer, "Sec-Fetch-Site": "same-origin"} if method == "POST" else {}
                answer = http.request(method, url, data=data, headers=own)
                if answer.is_redirect:
                    url, method, data = urljoin(url, answer.headers["location"]), "GET", None
                    continue
                page = Page(answer.text)
                if page.refresh:
                    url, method, data = page.refresh, "GET", None
                    continue
                away = [link for link in page.links if "error=" in link]
                if away:
                    return away[0]
                assert page.forms, f"no way on from {answer.status_code} {url}: {answer.text[:400]}"
                form, data = page.forms[0], {}
                for field in form["fields"]:
                    name, value = field.get("name"), field.get("value", "")
                    if name in ("username", "password"):
                        data[name] = user[name]
                    elif name == "decision":
                        if value == decision:
                            data[name] = value
                    elif field.get("type") == "checkbox":
                        if value not in untick:
                            data.setdefault(name, []).append(value)
                    elif name:
                        data[name] = value
                url, method = urljoin(url, form["action"]), form["method"]
        raise AssertionError("too many hops")

    def code(self, client: dict, user: dict | None = None, **extra) -> tuple[str, str]:
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        landed = parse_qs(urlsplit(self.browse(self.authorize_url(client, challenge, **extra), user)).query)
        return landed["code"][0], verifier

    def redeem(self, client: dict, code: str, verifier: str, http: httpx.Client | None = None) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "client_id": client["client_id"],
                "redirect_uri": client["redirect_uris"][0]}
        return self.token(form, http)

    def token(self, form: dict, http: httpx.Client | None = None) -> httpx.Response:
        if http:
            return http.post(self.issuer + "/token", data=form)
        with self.http() as own:
            return own.post(self.issuer + "/token", data=form)

    def grant(self, user: dict | None = None, **extra) -> dict:
        client = self.register()
        code, verifier = self.code(client, user, **extra)
        answer = self.redeem(client, code, verifier)
        assert answer.status_code == 200, answer.text
        return {**answer.json(), "client_id": client["client_id"]}

    def refresh(self, tokens: dict, http: httpx.Client | None = None) -> httpx.Response:
        return self.token({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": tokens["client_id"]}, http)

    # -- the MCP client's side -----------------------------------------------------------------------------------

    def rpc(self, token: str | None, method: str, params: dict | None = None, headers: dict | None = None,
            http: httpx.Client | None = None) -> httpx.Response:
        params = {**(params or {}), "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN,
                                              "io.modelcontextprotocol/clientCapabilities": {}}}
        head = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, "Accept": "application/json, text/event-stream"}
        if "name" in params:
            head["Mcp-Name"] = params["name"]
        if token:
            head["Authorization"] = f"Bearer {token}"
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        if http:
            return http.post(self.mcp_url, json=body, headers={**head, **(headers or {})})
        with self.http() as own:
            return own.post(self.mcp_url, json=body, headers={**head, **(headers or {})})

    def call(self, token: str, tool: str, arguments: dict | None = None, http: httpx.Client | None = None) -> httpx.Response:
        return self.rpc(token, "tools/call", {"name": tool, "arguments": arguments or {}}, http=http)
