"""gatehouse doctor against real installations, whole and broken."""
import json
import shutil

from gateway import Gateway


def doctor(gateway, *words, input=None):
    done = gateway.command("doctor", "--json", *words, input=input)
    found = json.loads(done.stdout) if done.stdout else {"checks": []}
    return done, {c["name"]: c for c in found["checks"]}


def test_a_sound_installation_goes_all_the_way(gateway):
    done, checks = doctor(gateway, "--user", "demo", "--password-stdin", input=gateway.user["password"] + "\n")
    assert done.returncode == 0, done.stderr + done.stdout
    for name in ("certificate", "name", "database", "vault key", "audit log", "server", "upstream qarnot", "1 challenge",
                 "2 server metadata", "3 registration", "4 authorization", "5 sign-in and consent", "6 token", "7 refresh race",
                 "8 first call"):
        assert checks[name]["outcome"] == "ok", checks[name]
    assert checks["clock"]["outcome"] in ("ok", "warning", "skipped")
    assert gateway.user["password"] not in done.stdout + done.stderr
    # It leaves nothing behind: neither a client nor a token.
    assert "doctor" not in gateway.command("client", "list").stdout


def test_without_a_user_it_goes_as_far_as_the_sign_in_page(gateway):
    done, checks = doctor(gateway)
    assert done.returncode == 0 and checks["4 authorization"]["outcome"] == "ok" and checks["5 sign-in"]["outcome"] == "skipped"
    table = gateway.command("doctor").stdout
    assert "certificate" in table and "\t" in table


def test_a_wrong_password_is_named_as_the_first_hop_that_fails(gateway):
    done, checks = doctor(gateway, "--user", "demo", "--password-stdin", input="not the password\n")
    assert done.returncode == 1 and checks["5 sign-in and consent"]["outcome"] == "failed"
    assert "6 token" not in checks and "5 sign-in" in done.stderr


def test_a_stopped_server_a_broken_vault_and_a_changed_log_are_found(folder):
    gateway = Gateway(folder).start()
    gateway.grant()
    gateway.stop()
    done, checks = doctor(gateway)
    assert done.returncode == 1 and checks["server"]["outcome"] == "failed"
    assert checks["1 challenge"]["outcome"] == "failed" and "nobody answers" in checks["1 challenge"]["detail"]
    key = folder / "data/root.key"
    shutil.copy(key, folder / "kept")
    key.unlink()
    shutil.copy(folder / "data/demo.key", key)
    segment = next((folder / "data/audit").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b"consent.granted", b"consent.denied_", 1))
    done, checks = doctor(gateway)
    assert checks["vault key"]["outcome"] == "failed" and checks["audit log"]["outcome"] == "failed"
    assert all(c["remedy"] for c in checks.values() if c["outcome"] == "failed")


def test_a_certificate_for_another_name_is_found(folder):
    gateway = Gateway(folder).start()
    configuration = folder / "data/gatehouse.yaml"
    text = configuration.read_text()
    configuration.write_text(text.replace("https://localhost:", "https://gate.example.invalid:"))
    done, checks = doctor(gateway)
    assert done.returncode == 1 and checks["certificate"]["outcome"] == "failed"
    assert "gate.example.invalid" in checks["certificate"]["detail"] and checks["name"]["outcome"] == "failed"
    configuration.write_text(text)
    gateway.stop()


def test_a_service_that_is_down_is_named(folder):
    gateway = Gateway(folder, "engines: { qarnot: { api_url: 'http://127.0.0.1:9' } }\n").start()
    done, checks = doctor(gateway)
    assert done.returncode == 1 and checks["upstream qarnot"]["outcome"] == "failed"
    gateway.stop()
