"""The configuration as an operator and an editor meet it (contract §5)."""
import json
import os
import signal
import subprocess
import time

import jsonschema
import yaml

from gateway import BINARY, ROOT, Gateway


def run(*words, env=None):
    return subprocess.run([BINARY, *words], env={**os.environ, **(env or {})}, text=True, capture_output=True, timeout=60)


def schema():
    found = json.loads(run("config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def test_the_schema_accepts_what_the_reader_accepts(gateway):
    validator = schema()
    for path in (ROOT / "deploy/gatehouse.yaml", gateway.ready["config_file"]):
        assert not list(validator.iter_errors(yaml.safe_load(open(path).read()))), path


def test_the_schema_refuses_what_the_reader_refuses(tmp_path):
    base = {"server": {"public_url": "https://gate.example.com", "tls": {"certificate": "/c", "key": "/k"}}}
    wrong = [
        {"server": {"lisen": []}}, {"oauth": {"access_token_lifetime": "5 minutes"}}, {"limits": {"user": "fast"}},
        {"limits": {"user": {"rate": 0}}}, {"login": {"attempts": "many"}}, {"log": {"level": "loud"}}, {"nonsense": 1},
        {"upstreams": [{"nme": "docs"}]}, {"server": {"limits": {"connections": 0}}}, {"audit": {"durability": "perhaps"}},
        {"limits": {"networks": [{"cdr": "10.0.0.0/8"}]}}, {"upstreams": [{"name": "docs", "url": "http://x", "tools": {"a": "some"}}]},
    ]
    validator = schema()
    for change in wrong:
        document = {**base, **{k: ({**base.get(k, {}), **v} if isinstance(v, dict) else v) for k, v in change.items()}}
        assert list(validator.iter_errors(document)), change
        path = tmp_path / "gatehouse.yaml"
        path.write_text(yaml.safe_dump(document))
        assert run("config", "check", str(path)).returncode == 78, change


def test_missing_files_are_reported_with_everything_else_each_with_its_line(tmp_path):
    path = tmp_path / "gatehouse.yaml"
    path.write_text("server:\n  public_url: http://x/\n  tls:\n    certificate: /nowhere/tls.crt\n    key: /nowhere/tls.key\n"
                    "vault:\n  root_key: file:/nowhere/root.key\nlog:\n  level: loud\n")
    done = run("config", "check", str(path))
    assert done.returncode == 78
    for text in ("line 4: server.tls.certificate", "line 5: server.tls.key", "line 7: vault.root_key", "line 9: log.level",
                 "server.public_url"):
        assert text in done.stderr, done.stderr
    assert run("serve", "--config", str(path)).returncode == 78


def test_every_value_tells_where_it_comes_from(gateway):
    path = gateway.ready["config_file"]
    done = run("config", "show", path, "--origin", "--json", env={"GATEHOUSE_LOG_LEVEL": "debug"})
    rows = {r["setting"]: r for r in map(json.loads, done.stdout.splitlines())}
    assert rows["log.level"]["value"] == "debug" and rows["log.level"]["origin"] == "environment GATEHOUSE_LOG_LEVEL"
    assert rows["oauth.registration"]["origin"] == "default"
    line = int(rows["server.public_url"]["origin"].split(" line ")[1])
    assert gateway.issuer in open(path).read().splitlines()[line - 1]


def test_secrets_come_from_the_environment_files_and_credentials_and_are_never_shown(folder):
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "idp").write_text("from-a-credential\n")
    provider = """
login:
  providers:
    - { name: corp, issuer: "https://idp.example.com", client_id: gatehouse, client_secret: "%s" }
"""
    gateway = Gateway(folder).start()
    gateway.stop()
    base = open(gateway.ready["config_file"]).read()
    path = folder / "gatehouse.yaml"

    def check(secret, env=None):
        path.write_text(base + provider % secret)
        return run("config", "check", str(path), env=env)

    assert check("env:IDP_SECRET", {"IDP_SECRET": "x"}).returncode == 0
    assert "IDP_SECRET is not set" in check("env:IDP_SECRET").stderr
    assert check(f"file:{credentials}/idp").returncode == 0
    assert "cannot be read" in check(f"file:{credentials}/absent").stderr
    assert check("credential:idp", {"CREDENTIALS_DIRECTORY": str(credentials)}).returncode == 0
    assert "LoadCredential=idp" in check("credential:idp").stderr
    assert check("credential:../idp", {"CREDENTIALS_DIRECTORY": str(credentials)}).returncode == 78
    check("hunter2-in-the-file")
    for words in (("config", "show", str(path)), ("config", "show", str(path), "--json"), ("config", "show", str(path), "--origin")):
        assert "hunter2" not in run(*words).stdout, words


def test_keys_and_certificates_may_be_credentials(folder):
    gateway = Gateway(folder).start()
    gateway.stop()
    data = folder / "data"
    path = folder / "gatehouse.yaml"
    text = open(gateway.ready["config_file"]).read()
    for name in ("root.key", "tls.crt", "tls.key"):
        for before in (f"file:{data}/{name}", f"{data}/{name}"):
            text = text.replace(before, f"credential:{name}")
    path.write_text(text)
    env = {"CREDENTIALS_DIRECTORY": str(data)}
    assert run("config", "check", str(path), env=env).returncode == 0
    assert run("vault", "status", "--config", str(path), env=env).returncode == 0
    assert run("vault", "status", "--config", str(path)).returncode == 78


def test_a_reload_writes_the_difference_into_the_audit_log(folder):
    gateway = Gateway(folder, "log: { level: notice }\n").start()
    (folder / "overlay.yaml").write_text("log: { level: info }\nlimits: { user: { rate: 7, window: 1m, burst: 3 } }\n")
    gateway.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while not (records := gateway.records("--event", "config.changed")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    diff = {d["setting"]: (d["from"], d["to"]) for d in records[-1]["diff"]}
    assert diff["log.level"] == ("notice", "info")
    assert diff["limits.user"] == ("120 per 1m, burst 40", "7 per 1m, burst 3")
    gateway.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert len(gateway.records("--event", "config.changed")) == len(records), "nothing changed, nothing to tell"
    assert gateway.stop() == 0
