"""The commands as a person and a script meet them: exit codes, sentences, JSON (contract §6)."""
import json
import subprocess

from gateway import BINARY


def run(*words, input=None):
    return subprocess.run([BINARY, *words], input=input, text=True, capture_output=True, timeout=60)


def test_usage_errors_exit_64_and_say_what_to_do():
    for words in (["nonsense"], ["user", "nonsense"], ["user", "add"], ["user", "list", "--nonsense"], ["token", "issue", "demo"]):
        done = run(*words)
        assert done.returncode == 64 and done.stderr.startswith("gatehouse: ") and not done.stdout, (words, done)


def test_help_and_version_answer_without_an_installation():
    assert run("--help").returncode == 0 and "gatehouse COMMAND" in run("--help").stdout
    assert "--role" in run("user", "add", "--help").stdout
    assert json.loads(run("version", "--json").stdout)["version"]


def test_every_problem_of_a_configuration_is_told_at_once(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("server:\n  public_url: http://x/\n  lisen: [a]\noauth:\n  access_token_lifetime: 5 minutes\nlimits:\n  user: fast\n")
    done = run("config", "check", str(bad))
    assert done.returncode == 78
    for text in ("server.public_url", "line 3: server.lisen", "line 5: oauth.access_token_lifetime", "line 7: limits.user", "server.tls"):
        assert text in done.stderr, done.stderr
    assert run("serve", "--config", str(tmp_path / "absent.yaml")).returncode == 78


def test_users_live_from_add_to_remove(gateway):
    password = "a long enough sentence\n"
    assert gateway.command("user", "add", "ada", "--role", "viewer", "--password-stdin", input=password).returncode == 0
    assert gateway.command("user", "add", "ada", "--role", "viewer", "--password-stdin", input=password).returncode == 1
    assert gateway.command("user", "add", "bob", "--role", "viewer", "--password-stdin", input="short\n").returncode == 64
    assert gateway.command("user", "set-role", "ada", "operator").returncode == 0
    users = [json.loads(line) for line in gateway.command("user", "list", "--json").stdout.splitlines()]
    assert {"ada": "operator"}.items() <= {u["username"]: u["role"] for u in users}.items()
    assert gateway.command("user", "show", "nobody").returncode == 1
    assert gateway.command("user", "remove", "ada").returncode == 64
    assert gateway.command("user", "remove", "ada", "--yes").returncode == 0


def test_a_changed_password_ends_what_it_had_opened(gateway):
    user = gateway.add_user("changer", role="viewer", key=True)
    tokens = gateway.grant(user, scope="qarnot:read")
    assert gateway.command("user", "passwd", "changer", "--password-stdin", input="another long sentence\n").returncode == 0
    import time
    time.sleep(1)
    assert gateway.call(tokens["access_token"], "whoami").status_code == 401
    assert gateway.refresh(tokens).json()["error"] == "invalid_grant"


def test_a_preregistered_client_with_a_secret_connects(gateway):
    made = json.loads(gateway.command("client", "add", "--for", "claude", "--confidential", "--json").stdout)
    assert made["client_secret"].startswith("gths_") and len(made["redirect_uris"]) == 2
    assert made["client_id"] in gateway.command("client", "list").stdout
    code, verifier = gateway.code(made)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "client_id": made["client_id"],
            "redirect_uri": made["redirect_uris"][0]}
    assert gateway.token(form).json()["error"] == "invalid_client"
    tokens = gateway.token({**form, "client_secret": made["client_secret"]}).json()
    assert gateway.command("client", "remove", made["client_id"]).returncode == 0
    import time
    time.sleep(1)
    assert gateway.call(tokens["access_token"], "whoami").status_code == 401


def test_a_changed_audit_log_is_found_out(folder):
    from gateway import Gateway
    gateway = Gateway(folder).start()
    gateway.grant()
    assert gateway.command("audit", "verify").returncode == 0
    gateway.stop()
    segment = next((folder / "data/audit").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b"consent.granted", b"consent.denied_", 1))
    done = gateway.command("audit", "verify")
    assert done.returncode == 1 and "First bad record" in done.stderr


def test_a_foreign_root_key_is_refused(folder):
    from gateway import Gateway
    gateway = Gateway(folder).start()
    gateway.stop()
    key = folder / "data/root.key"
    other = Gateway(folder / "other").start()
    other.stop()
    key.chmod(0o600)
    key.write_bytes((folder / "other/data/root.key").read_bytes())
    key.chmod(0o400)
    done = gateway.command("user", "list")
    assert done.returncode == 78 and "root key" in done.stderr


def test_a_dry_run_names_what_would_be_lost_and_loses_nothing(gateway):
    user = gateway.add_user("careful", key=True)
    tokens = gateway.grant(user)
    issued = json.loads(gateway.command("token", "issue", "careful", "--name", "n", "--scope", "qarnot:read", "--json").stdout)
    listed = [json.loads(line) for line in gateway.command("token", "list", "--user", "careful", "--json").stdout.splitlines()]
    personal = next(one["id"] for one in listed if one["kind"] == "personal_token")
    session = json.loads(gateway.command("session", "list", "--user", "careful", "--json").stdout.splitlines()[0])["id"]
    before = len(gateway.records())
    for words, told, value in (
        (["key", "remove", "careful", "qarnot"], "the qarnot key of careful", None),
        (["token", "revoke", personal], "a token of careful", None),
        (["token", "revoke", "--value", "-"], "a token of careful", issued["token"]),
        (["token", "revoke", "--value", "-"], "the grant of", tokens["refresh_token"]),
        (["session", "revoke", session], "sign careful out", None),
        (["client", "remove", tokens["client_id"]], "Would remove", None),
        (["user", "remove", "careful"], "1 keys", None),
    ):
        done = gateway.command(*words, "--dry-run", input=value and value + "\n")
        assert done.returncode == 0 and told in done.stdout, (words, done)
        assert json.loads(gateway.command(*words, "--dry-run", "--json", input=value and value + "\n").stdout)["dry_run"] is True
    for words in (["key", "remove", "careful", "docs"], ["token", "revoke", "nothing"], ["session", "revoke", "nothing"],
                  ["user", "otp", "reset", "careful"]):
        done = gateway.command(*words, "--dry-run")
        assert done.returncode in (1, 64) and done.stderr and not done.stdout, (words, done)
    assert len(gateway.records()) == before
    assert gateway.call(tokens["access_token"], "whoami").json()["result"]["structuredContent"]["key"] == "present"
    assert gateway.refresh(tokens).status_code == 200
    assert session in gateway.command("session", "list", "--user", "careful").stdout
