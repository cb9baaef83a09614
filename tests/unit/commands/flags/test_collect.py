"""What the flags of redaction do to the document of this machine, and that nothing else tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.commands import capture
from kubectl_snapshot.commands.flags.collect import parse_redaction, parse_settings
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.main import main
from tests.servers.kubeconfigs import write_kubeconfig
from tests.unit.document.secret_corpus import NAMED, SHAPED, make_corpus, pieces_of
from tests.unit.hosts import VM_UBUNTU, copy_host
from tests.validation import parse_valid, subtype

SECRETS = [s for s in make_corpus(5, {**NAMED, **SHAPED}, 60) if '"' not in s and "\n" not in s]
TOKEN = "redacted:hmac-sha256:"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that was started with secrets, and nothing else to read."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    root = copy_host(VM_UBUNTU, tmp_path)
    parameters = [f'app{n}.password="{secret}"' for n, secret in enumerate(SECRETS)]
    (root / "proc/cmdline").write_text(f"ro {' '.join(parameters)} quiet\n")
    return root


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text("0123456789abcdef0123456789abcdef\n")
    return path


def collect(host: Path, *words: str) -> int:
    return main(["collect", "--host-root", str(host), *words])


@pytest.mark.parametrize("words", [(), ("-v",), ("--debug",), ("--log-json",), ("--quiet",)])
def test_no_secret_is_printed_or_reported(
    host: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect(host, *words) == 0
    captured = capsys.readouterr()
    reported = captured.out + captured.err
    assert not [piece for secret in SECRETS for piece in pieces_of(secret) if piece in reported]
    grub = subtype(parse_valid(captured.out), "OS", "grub").data
    assert (grub["ro"], grub["quiet"]) == ("", "")
    assert len({value for value in grub.values() if value}) == len(SECRETS)


def test_a_failure_tells_no_secret(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (host / "proc/cmdline").read_bytes()
    (host / "proc/cmdline").write_bytes(line + b"\xff")
    assert collect(host, "--debug", "-v") == 0
    captured = capsys.readouterr()
    reported = captured.out + captured.err
    assert not [piece for secret in SECRETS for piece in pieces_of(secret) if piece in reported]
    assert subtype(parse_valid(captured.out), "OS", "grub").status == "error"


def test_the_metadata_says_what_was_redacted(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (host / "proc/cmdline").write_text("ro a.token=hunter22 b=https://u:hunter22@h\n")
    collect(host)
    metadata = parse_valid(capsys.readouterr().out).metadata
    assert metadata["redacted"] == "OS.grub.a.token,OS.grub.b"
    assert "redaction" not in metadata


def test_without_redaction_the_document_says_so(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collect(host, "--no-redact")
    snapshot = parse_valid(capsys.readouterr().out)
    assert snapshot.metadata["redaction"] == "disabled"
    assert "redacted" not in snapshot.metadata
    assert SECRETS[0] in str(subtype(snapshot, "OS", "grub").data)


def test_a_key_file_makes_the_tokens_of_two_runs_equal(
    host: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for words in [("--redact-key-file", str(key_file)), ("--redact-key-file", str(key_file)), ()]:
        collect(host, *words)
        captured = capsys.readouterr()
        assert "0123456789abcdef" not in captured.out + captured.err
        found.append(subtype(parse_valid(captured.out), "OS", "grub").data)
    assert found[0] == found[1] != found[2]
    assert found[0]["app0.password"].startswith(TOKEN)  # type: ignore[union-attr]


def test_the_metadata_name_the_key_only_by_what_it_makes(
    host: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = []
    for words in [("--redact-key-file", str(key_file)), ("--redact-key-file", str(key_file)), ()]:
        collect(host, *words)
        named.append(parse_valid(capsys.readouterr().out).metadata["redaction-key"])
    assert named[0] == named[1] != named[2]
    assert len(named[0]) == 16
    assert named[0] not in key_file.read_text()
    (host / "proc/cmdline").write_text("ro\n")
    collect(host)
    assert "redaction-key" not in parse_valid(capsys.readouterr().out).metadata


def test_a_pattern_redacts_more(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collect(host, "--redact", "OS.release.*", "--redact", "OS.sysctl.*hostname")
    snapshot = parse_valid(capsys.readouterr().out)
    assert all(str(v).startswith(TOKEN) for v in subtype(snapshot, "OS", "release").data.values())
    sysctl = subtype(snapshot, "OS", "sysctl").data
    redacted = [key for key, value in sysctl.items() if str(value).startswith(TOKEN)]
    assert redacted == ["/proc/sys/kernel/hostname"]


def test_a_key_file_that_others_can_read_is_reported(
    host: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collect(host, "--redact-key-file", str(key_file))
    assert "warning" not in capsys.readouterr().err
    key_file.chmod(0o644)
    collect(host, "--redact-key-file", str(key_file))
    assert f"warning: others can read the key file {key_file}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("--no-redact", "--redact", "OS.*"),
        ("--no-redact", "--redact-key-file", "/none"),
        ("--redact", ""),
    ],
)
def test_what_does_not_go_together_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="--redact"):
        parse_redaction(parse_flags(capture.build_parser(), words, {}))


def test_the_key_is_given_by_a_file_only() -> None:
    flags = {name for action in capture.build_parser()._actions for name in action.option_strings}
    assert {name for name in flags if "redact" in name} == {
        "--no-redact",
        "--redact",
        "--redact-key-file",
    }


@pytest.mark.parametrize(
    ("words", "variables", "expected"),
    [
        (("--collect", "OS,GPU", "--collect=OS"), {}, (("OS", "GPU"), ())),
        (
            (),
            {"KUBECTL_SNAPSHOT_COLLECT": "OS,GPU", "KUBECTL_SNAPSHOT_SKIP": "GPU K8s"},
            (("OS", "GPU"), ("GPU", "K8s")),
        ),
        (("--collect=K8s",), {"KUBECTL_SNAPSHOT_COLLECT": "OS"}, (("K8s",), ())),
    ],
)
def test_collectors_are_chosen_by_lists_flags_and_variables(
    words: tuple[str, ...], variables: dict[str, str], expected: tuple[tuple[str, ...], ...]
) -> None:
    settings = parse_settings(parse_flags(capture.build_parser(), words, variables))
    assert (settings.collectors, settings.skipped) == expected


@pytest.mark.parametrize("words", [("--collect=",), ("--skip", "OS,")])
def test_an_empty_name_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="has an empty"):
        parse_settings(parse_flags(capture.build_parser(), words, {}))


@pytest.mark.parametrize(
    "verb",
    [
        ["collect"],
        ["--local"],
        ["rbac"],
        ["preflight"],
        ["preflight", "--local"],
        ["query", "@live", "OS"],
    ],
)
def test_every_verb_that_collects_refuses_an_unknown_collector(
    verb: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(
        "KUBECONFIG", str(write_kubeconfig(tmp_path / "config", {"server": "https://127.0.0.1:1"}))
    )
    assert main([*verb, "--collect", "os"]) == 2
    assert "did you mean OS?" in capsys.readouterr().err
