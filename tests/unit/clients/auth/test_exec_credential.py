"""Credential plugins: real programs, run as kubectl runs them."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.auth import exec_credential
from kubectl_snapshot.clients.auth.access import Access
from kubectl_snapshot.clients.auth.exec_credential import (
    ExecAnswer,
    build_exec_info,
    parse_exec_answer,
    parse_timestamp,
    run_exec_plugin,
)
from kubectl_snapshot.errors import NotFound, SnapshotError, Timeout, Unauthorized

V1 = "client.authentication.k8s.io/v1"
ENV = {"PATH": os.environ["PATH"]}


def access(**cluster: Any) -> Access:
    return Access("c", "ann", "default", {"server": "https://x", **cluster}, {})


def plugin(script: str, **spec: Any) -> dict[str, Any]:
    """A plugin that is a shell script; `answer` in it prints an ExecCredential with a token."""
    answer = json.dumps(
        {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "TOKEN"}}
    ).replace("TOKEN", "'\"$1\"'")
    return {
        "apiVersion": V1,
        "command": "sh",
        "args": ["-c", f"answer() {{ echo '{answer}'; }}; {script}"],
        "interactiveMode": "Never",
        **spec,
    }


def run(script: str, timeout_s: float = 20.0, **spec: Any) -> ExecAnswer:
    return run_exec_plugin(plugin(script, **spec), access(), ENV, timeout_s)


def refusal(script: str, timeout_s: float = 20.0, **spec: Any) -> SnapshotError:
    with pytest.raises(SnapshotError) as caught:
        run(script, timeout_s, **spec)
    return caught.value


def test_a_plugins_token_is_the_answer() -> None:
    assert run("answer abc").token == "abc"


def test_a_plugin_has_our_environment_and_its_own() -> None:
    extra = [{"name": "PROFILE", "value": "gpu"}]
    assert run('answer "$PROFILE-${PATH:+path}"', env=extra).token == "gpu-path"


def test_a_plugin_is_reported_its_api_version_and_that_nobody_is_there() -> None:
    info = build_exec_info(plugin(""), {}, interactive=False)
    assert json.loads(info) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }
    assert run('case "$KUBERNETES_EXEC_INFO" in *false*) answer yes;; esac').token == "yes"


def test_a_plugin_that_asks_for_the_cluster_is_reported_it(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("pem")
    cluster = {
        "server": "https://x",
        "tls-server-name": "y",
        "certificate-authority": str(tmp_path / "ca"),
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": 1}}],
    }
    info = json.loads(build_exec_info(plugin("", provideClusterInfo=True), cluster, True))
    assert info["spec"] == {
        "interactive": True,
        "cluster": {
            "server": "https://x",
            "tls-server-name": "y",
            "certificate-authority-data": "cGVt",
            "config": {"a": 1},
        },
    }


def test_what_a_plugin_says_on_stderr_is_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    run("echo 'open https://login and enter ABCD' >&2; answer abc")
    assert capsys.readouterr().err == "open https://login and enter ABCD\n"


def test_a_plugin_that_fails_is_unauthorized_with_its_last_words() -> None:
    caught = refusal("echo first >&2; printf 'token \\033[1mexpired\\n' >&2; exit 3")
    assert isinstance(caught, Unauthorized)
    assert "exited with code 3" in caught.what
    assert caught.why == "token [1mexpired"


def test_a_missing_plugin_is_not_found_with_its_install_hint() -> None:
    caught = refusal("", command="no-such-plugin", installHint="Install it:\n\n  brew install it")
    assert isinstance(caught, NotFound)
    assert "no-such-plugin" in caught.what
    assert caught.hint == "Install it: brew install it"


def test_a_plugin_that_hangs_is_ended() -> None:
    before = time.monotonic()
    caught = refusal("exec sleep 60", timeout_s=0.3)
    assert time.monotonic() - before < 5.0
    assert isinstance(caught, Timeout)
    assert caught.what == "the exec plugin sh timed out"
    why = "it did not end within 0.3 s, the rest of --timeout; it had no terminal to ask on"
    assert caught.why == why
    assert "`kubectl config view --minify`" in caught.hint


def test_a_plugin_that_hangs_is_quoted_and_names_its_own_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exec_credential, "TIMEOUT_S", 0.5)
    caught = refusal("echo one >&2; echo waiting for a browser >&2; exec sleep 60", timeout_s=9)
    assert caught.why == (
        "it did not end within 0.5 s, the limit for a plugin; it had no terminal to ask on; "
        "its last words: waiting for a browser"
    )


def test_a_child_that_the_plugin_leaves_behind_does_not_hold_us() -> None:
    before = time.monotonic()
    assert run("sleep 20 & answer abc").token == "abc"
    assert time.monotonic() - before < 10.0


def test_output_larger_than_a_pipe_is_read_whole() -> None:
    assert len(run('answer "$(head -c 200000 /dev/zero | tr "\\0" x)"').token) == 200000


def test_a_plugin_that_always_needs_a_terminal_is_not_run_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    caught = refusal(f"touch {tmp_path}/ran; answer abc", interactiveMode="Always")
    assert isinstance(caught, Unauthorized)
    assert "terminal" in caught.what
    assert not (tmp_path / "ran").exists()


PROGRAM = """
import sys
from kubectl_snapshot.clients.auth.access import Access
from kubectl_snapshot.clients.auth.exec_credential import run_exec_plugin
from kubectl_snapshot.errors import SnapshotError
import json
try:
    print(run_exec_plugin(json.loads(sys.argv[1]), Access("c", "ann", "d", {}, {}), {}).token)
except SnapshotError as error:
    print(error)
"""


def run_on_terminal(spec: dict[str, Any], typed: bytes) -> str:
    """Return what a process of its own prints whose standard input and error are a terminal."""
    master, terminal = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, json.dumps(spec)]
    try:
        os.write(master, typed)
        done = subprocess.run(
            command, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, timeout=30, check=True
        )
    finally:
        os.close(terminal)
        os.close(master)
    return done.stdout.decode()


@pytest.mark.parametrize("mode", ["Always", "IfAvailable", None])
def test_on_a_terminal_a_plugin_may_ask(mode: str | None) -> None:
    spec = plugin("read -r word; answer $word", command="/bin/sh", interactiveMode=mode)
    assert run_on_terminal(spec, b"typed\n") == "typed\n"


def test_a_plugin_that_never_asks_is_not_given_the_terminal() -> None:
    spec = plugin("read -r word; answer got-$word", command="/bin/sh")
    assert run_on_terminal(spec, b"typed\n") == "got-\n"


def test_a_plugin_that_fails_on_a_terminal_is_unauthorized_too() -> None:
    spec = plugin("echo expired >&2; exit 1", command="/bin/sh", interactiveMode="IfAvailable")
    said = run_on_terminal(spec, b"")
    assert said == "[UNAUTHORIZED] the exec plugin /bin/sh exited with code 1: expired\n"


def credential(**status: Any) -> bytes:
    return json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status}).encode()


def test_a_plugin_may_answer_with_a_certificate() -> None:
    pem = {"clientCertificateData": "-----BEGIN c", "clientKeyData": "-----BEGIN k"}
    found = parse_exec_answer(credential(**pem), V1, "p")
    assert (found.token, found.certificate, found.key) == ("", "-----BEGIN c", "-----BEGIN k")


@pytest.mark.parametrize(("certificate", "key"), [("c", "-----BEGIN k"), ("-----BEGIN c", "k")])
def test_a_certificate_of_a_plugin_that_is_not_pem_is_refused(certificate: str, key: str) -> None:
    output = credential(clientCertificateData=certificate, clientKeyData=key)
    with pytest.raises(Unauthorized, match="not PEM"):
        parse_exec_answer(output, V1, "p")


def test_a_plugin_may_answer_in_yaml_and_without_a_kind() -> None:
    output = f"apiVersion: {V1}\nstatus:\n  token: 2020-01-01\n".encode()
    assert parse_exec_answer(output, V1, "p").token == "2020-01-01"


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"SECRET",
        b"[]",
        b"{}",
        b'{"status": "SECRET"}',
        json.dumps({"apiVersion": V1, "kind": "Other", "status": {"token": "SECRET"}}).encode(),
        json.dumps(
            {"apiVersion": "v2", "kind": "ExecCredential", "status": {"token": "S"}}
        ).encode(),
        credential(),
        credential(token=5),
        credential(clientCertificateData="SECRET"),
        credential(token="SECRET", clientKeyData="SECRET"),
        credential(token="SECRET", expirationTimestamp="tomorrow"),
        b"[" * 100000,
    ],
)
def test_an_answer_without_a_credential_is_refused_and_never_shown(output: bytes) -> None:
    with pytest.raises(Unauthorized) as caught:
        parse_exec_answer(output, V1, "p")
    assert "SECRET" not in f"{caught.value} {caught.value.hint}"


def test_a_credential_is_not_part_of_how_an_answer_looks() -> None:
    assert "SECRET" not in repr(ExecAnswer("SECRET", "SECRET", "SECRET"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T00:01:00.123456789Z", 60.0),
        ("1970-01-01T01:01:00+01:00", 60.0),
        ("1970-13-01T00:00:00Z", None),
        ("1970-01-01", None),
        ("", None),
    ],
)
def test_a_timestamp_is_one_of_rfc_3339(text: str, expected: float | None) -> None:
    assert parse_timestamp(text) == expected
