"""Full grants, refreshes and introspections a second, with the CPU of each, beside the in-memory provider of fastmcp in the same run.

Ours speak TLS, are durable in SQLite and on record in the audit log before the answer leaves; fastmcp's speak plain HTTP and keep everything
in dictionaries. Both serve 32 keep-alive connections on one core, the client has the other.

Not a test: run it by hand with a release binary, GATEHOUSE_BIN=.build/release/gatehouse python Tests/interop/measure_grants.py
"""
import base64
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from gateway import Gateway, Page

CONNECTIONS, SECONDS = 32, 8
REDIRECT = "http://127.0.0.1:9/callback"
OVERLAY = """
server: { loops: 1 }
limits: { address: off, endpoints: { authorize: off, token: off, login: off, register: off } }
"""
THEIRS = """
import sys
from fastmcp import FastMCP
from fastmcp.server.auth.auth import ClientRegistrationOptions
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
origin = "http://127.0.0.1:" + sys.argv[1]
auth = InMemoryOAuthProvider(base_url=origin, client_registration_options=ClientRegistrationOptions(enabled=True))
FastMCP("measured", auth=auth).run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False,
                                   uvicorn_config={"log_level": "error", "access_log": False, "timeout_keep_alive": 600})
"""


def cpu_seconds(pid):
    """Run time of all threads, as the scheduler counts it."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


class Wire:
    """Keep-alive connections on which one request each is sent, then one answer each is read."""

    def __init__(self, origin, context=None):
        site = urlsplit(origin)
        self.host = site.netloc
        self.sockets = []
        for _ in range(CONNECTIONS):
            plain = socket.create_connection((site.hostname, site.port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.append(context.wrap_socket(plain, server_hostname=site.hostname) if context else plain)

    def exchange(self, requests):
        for connection, request in zip(self.sockets, requests):
            connection.sendall(request)
        return [self.read(connection) for connection, _ in zip(self.sockets, requests)]

    def read(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            assert piece, data
            data += piece
        head, body = data.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b": ", 1) if line[:9].lower() != b"location:" else (b"location", line[10:])
                      for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields.get(b"content-length", b"0")):
            body += connection.recv(65536)
        return head.split(b" ", 2)[1], fields, body

    def get(self, path, cookie=""):
        return (f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: text/html\r\nSec-Fetch-Site: none\r\n"
                + (f"Cookie: {cookie}\r\n" if cookie else "") + "\r\n").encode()

    def post(self, path, form):
        body = urlencode(form)
        return (f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                + f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Server:
    def __init__(self, name, pid, origin, client_id, resource, context=None, cookie=""):
        self.name, self.pid, self.client_id, self.resource, self.cookie = name, pid, client_id, resource, cookie
        self.origin, self.context, self.wire = origin, context, None

    def connect(self):
        """When it is this one's turn: nobody keeps silent connections for others."""
        self.wire = Wire(self.origin, self.context)

    def grants(self):
        """One round of authorizations, then one of redemptions. Returns what was issued."""
        verifiers = [secrets.token_urlsafe(32) for _ in range(CONNECTIONS)]
        asked = []
        for verifier in verifiers:
            challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            query = {"response_type": "code", "client_id": self.client_id, "redirect_uri": REDIRECT, "state": "s",
                     "code_challenge": challenge, "code_challenge_method": "S256", "resource": self.resource}
            asked.append(self.wire.get("/authorize?" + urlencode(query), self.cookie))
        codes = []
        for status, fields, body in self.wire.exchange(asked):
            assert status in (b"302", b"303"), (status, body[:400])
            codes.append(parse_qs(urlsplit(fields[b"location"].decode()).query)["code"][0])
        return self.tokens([
            {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "client_id": self.client_id,
             "redirect_uri": REDIRECT, "resource": self.resource} for code, verifier in zip(codes, verifiers)])

    def refreshes(self, issued):
        return self.tokens([{"grant_type": "refresh_token", "refresh_token": one["refresh_token"], "client_id": self.client_id,
                             "resource": self.resource} for one in issued])

    def tokens(self, forms):
        answers = self.wire.exchange([self.wire.post("/token", form) for form in forms])
        assert all(status == b"200" for status, _, _ in answers), answers[0]
        return [json.loads(body) for _, _, body in answers]

    def measure(self, step, value=None):
        """Rounds for so many seconds: operations a second and CPU microseconds of each."""
        for _ in range(5):
            value = step(value)
        used, begin, count = cpu_seconds(self.pid), time.perf_counter(), 0
        while time.perf_counter() - begin < SECONDS:
            value = step(value)
            count += CONNECTIONS
        wall = time.perf_counter() - begin
        return {"per_second": round(count / wall), "cpu_us": round((cpu_seconds(self.pid) - used) / count * 1e6, 1)}, value


def sign_in(gateway, url):
    """A browser that is signed in and has agreed once; its cookie."""
    with gateway.http(headers={"Accept": "text/html"}) as http:
        method, data = "GET", None
        for _ in range(8):
            headers = {"Origin": gateway.issuer, "Sec-Fetch-Site": "same-origin"} if method == "POST" else {"Sec-Fetch-Site": "none"}
            answer = http.request(method, url, data=data, headers=headers)
            if answer.is_redirect:
                url, method, data = urljoin(url, answer.headers["location"]), "GET", None
                if not url.startswith(gateway.issuer):
                    return "; ".join(f"{name}={value}" for name, value in http.cookies.items())
                continue
            page = Page(answer.text)
            if page.refresh:
                url, method, data = page.refresh, "GET", None
                if not url.startswith(gateway.issuer):
                    return "; ".join(f"{name}={value}" for name, value in http.cookies.items())
                continue
            form = page.forms[0]
            data = {}
            for field in form["fields"]:
                name, value = field.get("name"), field.get("value", "")
                if name in ("username", "password"):
                    data[name] = gateway.user[name]
                elif name == "decision":
                    data[name] = "allow"
                elif field.get("type") == "checkbox":
                    data.setdefault(name, []).append(value)
                elif name:
                    data[name] = value
            url, method = urljoin(url, form["action"]), "POST"
    raise SystemExit("the sign-in did not end")


def ours(folder):
    gateway = Gateway(folder, OVERLAY).start()
    os.system(f"taskset -acp 0 {gateway.process.pid} >/dev/null")
    made = gateway.command("client", "add", "--name", "measured", "--redirect", REDIRECT, "--json")
    client = json.loads(made.stdout)["client_id"]
    assert gateway.command("client", "approve", client).returncode == 0
    cookie = sign_in(gateway, gateway.authorize_url({"client_id": client, "redirect_uris": [REDIRECT]}, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", scope=None))
    asker = json.loads(gateway.command("client", "add", "--name", "asker", "--introspection", "--json").stdout)
    return gateway, Server("gatehouse", gateway.process.pid, gateway.issuer, client, gateway.mcp_url, gateway.tls(), cookie), asker


def theirs(folder):
    script = folder / "provider.py"
    script.write_text(THEIRS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(["taskset", "-c", "0", sys.executable, str(script), str(port)])
    origin = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    wire = Wire(origin)
    body = json.dumps({"redirect_uris": [REDIRECT], "client_name": "measured", "token_endpoint_auth_method": "none"})
    _, _, answer = wire.exchange([(f"POST /register HTTP/1.1\r\nHost: {wire.host}\r\nContent-Type: application/json\r\n"
                                   f"Content-Length: {len(body)}\r\n\r\n{body}").encode()])[0]
    return process, Server("fastmcp", process.pid, origin, json.loads(answer)["client_id"], origin + "/mcp")


def main():
    os.sched_setaffinity(0, {1})
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        gateway, mine, asker = ours(Path(folder) / "ours")
        process, other = theirs(Path(folder))
        try:
            for server in (other, mine):
                server.connect()
                rows = results[server.name] = {}
                rows["grant"], issued = server.measure(lambda _: server.grants())
                rows["refresh"], issued = server.measure(server.refreshes, issued)
                if server is mine:
                    credentials = {"client_id": asker["client_id"], "client_secret": asker["client_secret"]}
                    question = [server.wire.post("/introspect", {"token": one["access_token"], **credentials}) for one in issued]

                    def ask(_):
                        answers = server.wire.exchange(question)
                        assert all(b'"active":true' in body for _, _, body in answers), answers[0]

                    rows["introspection"], _ = server.measure(ask)
        finally:
            process.terminate()
            process.wait(10)
            gateway.stop()
    for kind in ("grant", "refresh"):
        results[f"{kind}_ratio"] = round(results["gatehouse"][kind]["per_second"] / results["fastmcp"][kind]["per_second"], 2)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
