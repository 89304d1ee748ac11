"""Client certificates: a user, a client, and a token bound to its certificate (RFC 8705)."""
import json, subprocess

import httpx
import pytest

from gateway import MODERN, Gateway


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An authority with certificates for ada and a machine, and a stranger's authority."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "strangers"):
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem")
    for name, authority in (("ada", "ca"), ("machine", "ca"), ("thief", "ca"), ("forged", "strangers")):
        openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN={'ada' if name == 'forged' else name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial",
                "-days", "2", "-out", f"{name}.pem")
    (folder / "names").write_text("subjectAltName=DNS:Robot.example,URI:spiffe://corp/robot,email:robot@corp.example\n")
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=whatever",
            "-keyout", "robot.key", "-out", "robot.csr")
    openssl(folder, "x509", "-req", "-in", "robot.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "robot.pem")
    return folder


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, folder):
    running = Gateway(tmp_path_factory.mktemp("gateway"), f"server: {{ tls: {{ client_ca: {folder}/ca.pem }} }}\n").start()
    running.add_user("ada")
    yield running
    assert running.stop() == 0


def holding(gateway, folder, name) -> httpx.Client:
    context = gateway.tls()
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return httpx.Client(verify=context, timeout=30)


def test_a_certificate_is_its_user_within_the_role(gateway, folder):
    with holding(gateway, folder, "ada") as http:
        answer = gateway.rpc(None, "tools/call", {"name": "whoami", "arguments": {}}, http=http)
        assert answer.status_code == 200 and answer.json()["result"]["structuredContent"]["user"] == "ada", answer.text
    with holding(gateway, folder, "thief") as http:
        assert gateway.rpc(None, "tools/list", http=http).status_code == 401, "nobody here is called so"
    with pytest.raises(httpx.TransportError), holding(gateway, folder, "forged") as http:
        gateway.rpc(None, "tools/list", http=http)
    with gateway.http() as http:
        assert gateway.rpc(None, "tools/list", http=http).status_code == 401
    assert any(r["event"] == "mcp.tool.called" and r["subject"] == "ada" for r in gateway.records("--user", "ada"))


def test_a_disabled_user_has_no_use_of_a_certificate(gateway, folder):
    with holding(gateway, folder, "ada") as http:
        gateway.command("user", "disable", "ada")
        try:
            import time
            time.sleep(1.1)
            assert gateway.rpc(None, "tools/list", http=http).status_code == 401
        finally:
            gateway.command("user", "enable", "ada")


def test_a_client_with_a_certificate_gets_tokens_bound_to_it(gateway, folder):
    out = gateway.command("client", "add", "--name", "machine", "--service-user", "ada", "--certificate-name", "machine", "--json")
    client = json.loads(out.stdout)
    assert client["token_endpoint_auth_method"] == "tls_client_auth"
    form = {"grant_type": "client_credentials", "client_id": client["client_id"]}
    with gateway.http() as http:
        assert gateway.token(form, http).json()["error"] == "invalid_client"
        assert "tls_client_auth" in http.get(gateway.issuer + "/.well-known/oauth-authorization-server").json()[
            "token_endpoint_auth_methods_supported"]
    with holding(gateway, folder, "thief") as http:
        assert gateway.token(form, http).json()["error"] == "invalid_client"
    with holding(gateway, folder, "machine") as http:
        token = gateway.token(form, http).json()["access_token"]
        assert gateway.call(token, "whoami", http=http).status_code == 200
    with holding(gateway, folder, "thief") as http:
        assert gateway.call(token, "whoami", http=http).status_code == 401, "another certificate"
    assert gateway.call(token, "whoami").status_code == 401, "no certificate"


@pytest.mark.parametrize("name", ["dns:robot.EXAMPLE", "uri:spiffe://corp/robot", "email:robot@corp.example"])
def test_a_client_is_known_by_another_name_of_its_certificate(gateway, folder, name):
    out = gateway.command("client", "add", "--name", "robot", "--service-user", "ada", "--certificate-san", name, "--json")
    form = {"grant_type": "client_credentials", "client_id": json.loads(out.stdout)["client_id"]}
    with holding(gateway, folder, "robot") as http:
        assert gateway.token(form, http).status_code == 200
    with holding(gateway, folder, "machine") as http:
        assert gateway.token(form, http).json()["error"] == "invalid_client"
    other = gateway.command("client", "add", "--name", "robot", "--service-user", "ada", "--certificate-san", "uri:spiffe://corp/other", "--json")
    with holding(gateway, folder, "robot") as http:
        assert gateway.token({**form, "client_id": json.loads(other.stdout)["client_id"]}, http).json()["error"] == "invalid_client"
    assert gateway.command("client", "add", "--name", "x", "--certificate-san", "ip:127.0.0.1").returncode == 64
