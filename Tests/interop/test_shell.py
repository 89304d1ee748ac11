"""What is generated from the commands: completions by the shells themselves, the manual page by man, init by serving it."""
import json
import shutil
import subprocess
import sys

import pytest

from gateway import BINARY, Gateway


def run(*words, input=None):
    return subprocess.run([BINARY, *words], input=input, text=True, capture_output=True, timeout=60)


def complete(folder, line: str) -> list[str]:
    script = folder / "gatehouse.bash"
    script.write_text(run("completions", "bash").stdout)
    words = line.split(" ")
    quoted = " ".join(f"'{w}'" for w in words)
    done = subprocess.run(
        ["bash", "-c", f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _gatehouse; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
        text=True, capture_output=True, timeout=20)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def test_bash_completes_commands_verbs_options_and_files(folder):
    top = complete(folder, "gatehouse ")
    assert {"serve", "dev", "init", "doctor", "user", "vault", "db", "completions", "man"} <= set(top)
    assert complete(folder, "gatehouse va") == ["vault"]
    assert complete(folder, "gatehouse vault ") == ["rekey", "status"]
    assert "reset" in complete(folder, "gatehouse user otp ")
    assert set(complete(folder, "gatehouse user add --pass")) == {"--password-stdin"}
    assert {"--role", "--json", "--config"} <= set(complete(folder, "gatehouse user add ada --"))
    assert set(complete(folder, "gatehouse --json db b")) == {"backup"}
    (folder / "some.yaml").write_text("")
    assert complete(folder, f"gatehouse user list --config {folder}/so") == [f"{folder}/some.yaml"]
    assert complete(folder, "gatehouse user add --role ") == []


@pytest.mark.parametrize("shell,check", [("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"]), ("bash", ["bash", "-n"])])
def test_completions_are_scripts_their_shell_can_read(folder, shell, check):
    done = run("completions", shell)
    assert done.returncode == 0 and "vault" in done.stdout
    if not shutil.which(check[0]):
        pytest.skip(f"{shell} is not installed")
    path = folder / "script"
    path.write_text(done.stdout)
    assert subprocess.run([*check, str(path)], capture_output=True, timeout=20).returncode == 0


def test_zsh_and_fish_complete_verbs_and_options(folder):
    if shutil.which("zsh"):
        (folder / "_gatehouse").write_text(run("completions", "zsh").stdout)
        stub = 'compdef() {}; _files() { print files }; _describe() { print -l -- "${(@P)2}" }; source ' + str(folder / "_gatehouse")

        def zsh(*words):
            typed = " ".join(f"'{w}'" for w in words)
            return subprocess.run(["zsh", "-fc", f"{stub}; words=({typed}); CURRENT={len(words)}; _gatehouse"], text=True,
                                  capture_output=True, timeout=20).stdout
        assert {"rekey", "status"} == {line.split(":")[0] for line in zsh("gatehouse", "vault", "").splitlines()}
        assert "--password-stdin:" in zsh("gatehouse", "user", "add", "ada", "--p")
        assert zsh("gatehouse", "user", "list", "--config", "") == "files\n"
    if shutil.which("fish"):
        (folder / "gatehouse.fish").write_text(run("completions", "fish").stdout)

        def fish(line):
            return subprocess.run(["fish", "-c", f"source {folder}/gatehouse.fish; complete -C '{line}'"], text=True,
                                  capture_output=True, timeout=20).stdout
        assert {"rekey", "status"} == {line.split("\t")[0] for line in fish("gatehouse vault ").splitlines()}
        assert "--password-stdin" in fish("gatehouse user add ada --pass")
    if not shutil.which("zsh") and not shutil.which("fish"):
        pytest.skip("neither zsh nor fish is installed")


def test_an_unknown_shell_is_a_usage_error():
    assert run("completions", "tcsh").returncode == 64 and run("completions").returncode == 64


def test_the_manual_page_is_read_without_a_warning(folder):
    page = folder / "gatehouse.1"
    page.write_text(run("man").stdout)
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    done = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 and not done.stderr, done.stderr
    for text in ("gatehouse vault rekey", "--password-stdin", "GATEHOUSE_SERVER_PUBLIC_URL", "EXIT STATUS"):
        assert text in done.stdout, text


def test_init_makes_what_serve_needs_and_never_writes_over_anything(folder):
    certificates = Gateway(folder / "dev").start()
    data, port = folder / "dev/data", certificates.issuer.rsplit(":", 1)[1]
    certificates.stop()
    words = ["init", "--public-url", certificates.issuer, "--data-dir", str(folder / "new"), "--listen", f"127.0.0.1:{port}",
             "--certificate", str(data / "tls.crt"), "--key", str(data / "tls.key")]
    done = run(*words, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    key = (folder / "new/root.key").read_bytes()
    assert (folder / "new/root.key").stat().st_mode & 0o777 == 0o400
    assert run("config", "check", made["config_file"]).returncode == 0
    again = run(*words)
    assert again.returncode == 73 and "nothing was changed" in again.stderr and (folder / "new/root.key").read_bytes() == key
    text = (folder / "new/gatehouse.yaml").read_text().replace("admin_listen: 127.0.0.1:9443", "admin_listen: null")
    (folder / "new/gatehouse.yaml").write_text(text)
    assert run("user", "add", "ada", "--role", "admin", "--password-stdin", "--data-dir", str(folder / "new"),
               input="a long enough sentence\n").returncode == 0
    server = subprocess.Popen([BINARY, "serve", "--data-dir", str(folder / "new")], stderr=subprocess.PIPE)
    Gateway.started.append(server)
    served = Gateway(folder / "unused")
    served.ready = {"ca_file": str(data / "ca.pem"), "issuer": certificates.issuer}
    import time
    deadline = time.monotonic() + 30
    while True:
        try:
            with served.http() as http:
                assert http.get(certificates.issuer + "/health").json() == {"status": "ok"}
                break
        except Exception:
            assert time.monotonic() < deadline and server.poll() is None, server.stderr.read()
            time.sleep(0.1)
    server.terminate()
    assert server.wait(20) == 0


def test_init_refuses_a_url_that_is_no_origin(folder):
    done = run("init", "--public-url", "http://gate.example.com/", "--data-dir", str(folder / "new"))
    assert done.returncode == 64 and not (folder / "new").exists(), done
    assert run("init", "--data-dir", str(folder / "new")).returncode == 64


def test_what_would_be_lost_can_be_asked_first(gateway):
    gateway.add_user("lost", key=True)
    done = gateway.command("user", "remove", "lost", "--dry-run", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["keys"] == 1
    assert gateway.command("user", "show", "lost").returncode == 0
    client = gateway.register()["client_id"]
    assert gateway.command("client", "remove", client, "--dry-run").returncode == 0
    assert gateway.command("client", "show", client).returncode == 0
    assert gateway.command("client", "remove", "nobody", "--dry-run").returncode == 1
