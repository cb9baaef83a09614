from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from kubectl_snapshot.commands import redactions
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.main import main

HASH = "redacted:hmac-sha256:9fcef8c939a52e7b"


def write(path: Path, metadata: dict[str, str]) -> str:
    subtypes = (
        Subtype(
            "grub",
            {"rd.password": HASH, "url": f"https://u:{HASH}@proxy", "quiet": "true"},
            {"note": "the Secret is in the vault"},
        ),
        Subtype("sysctl", {"tokenFile": "/etc/token", "auth": 1, "author": "x", "api-key": "y"}),
        Subtype("kmod", {f"a-{HASH}": True}),
    )
    path.write_text(render_json(Snapshot(metadata, (Measurement("OS", subtypes),))))
    return str(path)


def run(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    return redactions.run(parse_flags(redactions.build_parser(), words, {}), out), out.getvalue()


def test_redacted_values_and_mentions_are_told_apart(tmp_path: Path) -> None:
    code, text = run(write(tmp_path / "a.json", {}), "-o", "json")
    assert code == 0
    assert json.loads(text) == {
        "redaction": "on",
        "redacted": {
            "OS.grub.rd.password": HASH,
            "OS.grub.url": f"https://u:{HASH}@proxy",
            f"OS.kmod.a-{HASH}": True,
        },
        # A number or a boolean is no secret's text.
        "mentions": {
            "OS.grub.context.note": "the Secret is in the vault",
            "OS.sysctl.api-key": "y",
            "OS.sysctl.author": "x",
            "OS.sysctl.tokenFile": "/etc/token",
        },
    }


def test_a_text_shows_both_tables(tmp_path: Path) -> None:
    _, text = run(write(tmp_path / "a.json", {"redaction": "own-key"}))
    lines = text.splitlines()
    assert lines[0] == "redacted: 3"
    assert lines[1].split() == ["PATH", "VALUE"]
    assert lines[2].split() == ["OS.grub.rd.password", HASH]
    assert lines[5:7] == ["", "mention a secret, not redacted: 4"]
    assert ["OS.sysctl.tokenFile", "/etc/token"] in [line.split() for line in lines[8:]]


def test_a_snapshot_without_secrets_has_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        render_json(Snapshot({}, (Measurement("OS", (Subtype("kmod", {"nvidia": True}),)),)))
    )
    assert run(str(path)) == (0, "redacted: 0\n\nmention a secret, not redacted: 0\n")


def test_a_snapshot_without_redaction_answers_no(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.json", {"redaction": "disabled"})
    assert main(["redactions", path, "-o", "json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["redaction"] == "off"
    assert "redaction was off: do not share this snapshot" in shown.err
