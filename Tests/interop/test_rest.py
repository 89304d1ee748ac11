"""The REST view: what a person with curl sees, and that it is the same as what MCP clients get."""
import itertools
import json
import random
import subprocess

import pytest

from gateway import MODERN, Gateway
from upstream import OVERLAY, Upstream, personal_token, set_key


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("upstreams")
    running = {era: Upstream(era, folder / f"{era}.log") for era in ("modern", "legacy")}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, servers):
    overlay = OVERLAY.format(modern=servers["modern"].url, legacy=servers["legacy"].url)
    running = Gateway(tmp_path_factory.mktemp("gateway"), overlay).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def token(gateway):
    for engine in ("modern", "strict"):
        set_key(gateway, "demo", engine, "key-of-demo")
    return personal_token(gateway, "demo", "qarnot:admin", "modern:admin", "legacy:admin", "strict:admin")


def curl(gateway, token, path, *words):
    command = ["curl", "-sS", "--cacert", gateway.ready["ca_file"], "-w", "\n%{http_code}", *words, gateway.issuer + path]
    if token:
        command[1:1] = ["-H", f"Authorization: Bearer {token}"]
    body, status = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


def post(gateway, token, path, arguments):
    return curl(gateway, token, path, "-H", "Content-Type: application/json", "-d", json.dumps(arguments))


def test_tools_are_listed_described_and_called(gateway, token):
    status, listed = curl(gateway, token, "/tools")
    assert status == 200 and "whoami" in {tool["name"] for tool in listed["tools"]}
    status, tool = curl(gateway, token, "/tools/whoami")
    assert status == 200 and tool["name"] == "whoami" and tool["inputSchema"]["type"] == "object"
    status, result = post(gateway, token, "/tools/whoami", {})
    assert status == 200 and result["structuredContent"]["user"] == "demo"
    assert curl(gateway, token, "/tools/whoami", "-X", "POST")[1]["structuredContent"]["engine"] == "qarnot"
    assert post(gateway, token, "/tools/qarnot/whoami", {})[1]["structuredContent"]["user"] == "demo"


@pytest.mark.parametrize("engine", ["modern", "legacy"])
def test_tools_of_upstreams_are_called_the_same_way(gateway, token, engine):
    status, listed = curl(gateway, token, f"/tools/{engine}")
    assert status == 200 and listed["engine"] == engine and {"echo", "erase"} <= {tool["name"] for tool in listed["tools"]}
    status, result = post(gateway, token, f"/tools/{engine}/add", {"a": 2, "b": 3})
    assert status == 200 and result["structuredContent"] == {"sum": 5}
    status, result = post(gateway, token, f"/tools/{engine}/boom", {})
    assert status == 200 and result["isError"] is True
    status, result = post(gateway, token, f"/tools/{engine}/ask", {})
    assert status == 200 and result["isError"] is True


def test_refusals_have_the_status_curl_users_expect(gateway, token):
    assert curl(gateway, None, "/tools")[0] == 401
    assert post(gateway, None, "/tools/whoami", {})[0] == 401
    assert post(gateway, token, "/tools/none_such", {})[0] == 404
    assert curl(gateway, token, "/tools/none_such")[0] == 404
    assert post(gateway, token, "/tools/none/such", {})[0] == 404
    assert post(gateway, token, "/tools/whoami", [])[0] == 400
    assert curl(gateway, token, "/tools/whoami", "-d", "{")[0] == 415
    assert curl(gateway, token, "/tools/whoami", "-H", "Content-Type: application/json", "-d", "{")[0] == 400
    assert curl(gateway, token, "/tools", "-X", "DELETE")[0] == 405
    narrow = personal_token(gateway, "demo", "qarnot:read")
    status, body = post(gateway, narrow, "/tools/submit_task", {})
    assert status == 403 and body["error"] == "forbidden" and body["data"] == {"scope": "qarnot:execute"}
    gateway.add_user("without", "operator")
    status, body = curl(gateway, personal_token(gateway, "without", "modern:read"), "/tools/modern")
    assert status == 409 and body["error"] == "key_missing" and "/account" in body["error_description"]


def test_a_token_is_for_the_engine_it_names(gateway):
    tokens = gateway.grant(resource=f"{gateway.issuer}/mcp/legacy", scope="legacy:execute")["access_token"]
    assert curl(gateway, tokens, "/tools/legacy")[0] == 200
    assert curl(gateway, tokens, "/tools")[0] == 401


def test_the_document_describes_what_can_be_called(gateway, token):
    status, public = curl(gateway, None, "/openapi.json")
    assert status == 200 and public["openapi"].startswith("3.1") and "/tools/whoami" in public["paths"]
    assert not any("/legacy/" in path for path in public["paths"])
    status, own = curl(gateway, token, "/openapi.json")
    listed = curl(gateway, token, "/tools/legacy")[1]["tools"]
    assert status == 200
    for tool in listed:
        operation = own["paths"][f"/tools/legacy/{tool['name']}"]["post"]
        assert operation["requestBody"]["content"]["application/json"]["schema"] == tool["inputSchema"]
    identifiers = [op["operationId"] for item in own["paths"].values() for op in item.values()]
    assert len(identifiers) == len(set(identifiers))
    assert curl(gateway, "gthp_" + "a" * 40, "/openapi.json")[0] == 401


def rpc(http, gateway, engine, method, params, modern):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params)}
    head = {}
    if modern:
        body["params"]["_meta"] = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
        head = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if "name" in params:
            head["Mcp-Name"] = params["name"]
    return http.post(f"{gateway.issuer}{engine}", json=body, headers=head)


ARGUMENTS = {"echo": {"text": "x"}, "add": {"a": 1, "b": 1}, "erase": {"name": "x"}, "boom": {}, "whoami": {}, "count": {"to": 1},
             "slow": {"seconds": 0}}
PATHS = {"qarnot": "/mcp", "modern": "/mcp/modern", "legacy": "/mcp/legacy", "strict": "/mcp/strict"}


def test_a_tool_is_listed_exactly_when_it_may_be_called_and_every_way_gives_the_same_verdict(gateway, token):
    """Random principals and tools; modern, legacy and REST must agree, and so must the audit log."""
    dice = random.Random(20261127)
    users = {}
    for role in ("viewer", "operator", "admin"):
        gateway.add_user(f"p-{role}", role)
        users[role] = f"p-{role}"
        for engine in ("modern", "strict"):
            set_key(gateway, users[role], engine, "key-of-p")
    names = {engine: {tool["name"] for tool in curl(gateway, token, f"/tools/{engine}")[1]["tools"]} & set(ARGUMENTS)
             for engine in PATHS}
    cases = list(itertools.product(("viewer", "operator", "admin"), PATHS, ("read", "execute", "admin", None)))
    for role, engine, scope in dice.sample(cases, 16):
        other = "legacy" if engine != "legacy" else "modern"
        bearer = personal_token(gateway, users[role], f"{engine}:{scope}" if scope else f"{other}:read")
        with gateway.http(headers={"Authorization": f"Bearer {bearer}"}) as http:
            listed = [
                {tool["name"] for tool in rpc(http, gateway, PATHS[engine], "tools/list", {}, True).json()["result"]["tools"]},
                {tool["name"] for tool in rpc(http, gateway, PATHS[engine], "tools/list", {}, False).json()["result"]["tools"]},
                {tool["name"] for tool in http.get(f"{gateway.issuer}/tools/{engine}").json()["tools"]}]
            assert listed[0] == listed[1] == listed[2]
            for tool in dice.sample(sorted(names[engine]), min(3, len(names[engine]))):
                params = {"name": tool, "arguments": ARGUMENTS[tool]}
                verdicts = [rpc(http, gateway, PATHS[engine], "tools/call", params, True).status_code,
                            rpc(http, gateway, PATHS[engine], "tools/call", params, False).status_code,
                            http.post(f"{gateway.issuer}/tools/{engine}/{tool}", json=ARGUMENTS[tool]).status_code]
                assert set(verdicts) == ({200} if tool in listed[0] else {403}), (role, engine, scope, tool, verdicts)
                name = "mcp.tool.called" if tool in listed[0] else "mcp.tool.denied"
                records = [r for r in gateway.records("--event", name, "--user", users[role])
                           if (r["tool"], r["engine"]) == (tool, engine) and r["outcome"] != "intent"][-3:]
                assert len(records) == 3
                assert len({(r["outcome"], r.get("policy"), json.dumps(r.get("args"))) for r in records}) == 1, records
