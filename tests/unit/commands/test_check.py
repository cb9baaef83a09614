from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.main import main

SNAPSHOT = Snapshot(
    {"source-node": "gpu-17"},
    (
        Measurement("K8s", (Subtype("server", {"version": "v1.34.4"}),)),
        Measurement("OS", (Subtype("release", {"ID": "ubuntu"}),)),
    ),
)
HOLDS, FAILS, UNKNOWN = "OS.release.ID == ubuntu", "OS.release.ID == rhel", "GPU.smi.driver >= 570"


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    path = tmp_path / "snap.yaml"
    path.write_text(render_yaml(SNAPSHOT))
    return str(path)


def write_rules(tmp_path: Path, text: str) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("constraints", "flags", "code"),
    [
        ([HOLDS], [], 0),
        ([FAILS], [], 1),
        ([UNKNOWN], [], 0),
        ([UNKNOWN], ["--strict"], 10),
        ([UNKNOWN], ["--strict=false"], 0),
        ([HOLDS], ["--strict"], 0),
        ([UNKNOWN, FAILS, HOLDS], ["--strict"], 1),
        (["OS.release.ID >= 1"], [], 0),
        (["OS.release.ID >= 1"], ["--strict"], 10),
    ],
)
def test_the_exit_code_is_the_answer(
    snapshot: str, constraints: list[str], flags: list[str], code: int
) -> None:
    words = [word for constraint in constraints for word in ("-c", constraint)]
    assert main(["check", snapshot, *words, *flags]) == code


def test_what_a_file_requires_is_no_pass_while_it_is_unknown(
    snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"require: gpu\nrules:\n- {{name: a, constraint: '{HOLDS}'}}\n"
    words = ["check", snapshot, "-f", write_rules(tmp_path, text)]
    assert main([*words, "--only-failed"]) == 10
    shown = capsys.readouterr().out
    assert shown.startswith("unknown  require: gpu: GPU.hardware.gpu-present == true: ")
    assert shown.endswith("1 held, 1 unknown\n")
    main([*words, "-o", "junit"])
    assert 'errors="1"' in capsys.readouterr().out
    main([*words, "-o", "github"])
    assert "::error " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("severity", "constraint", "code"),
    [
        ("warning", FAILS, 0),
        ("error", FAILS, 1),
        ("warning", UNKNOWN, 0),
        ("error", UNKNOWN, 10),
    ],
)
def test_a_warning_does_not_count(
    snapshot: str, tmp_path: Path, severity: str, constraint: str, code: int
) -> None:
    text = f"- name: a\n  constraint: '{constraint}'\n  severity: {severity}\n"
    assert main(["check", snapshot, "-f", write_rules(tmp_path, text), "--strict"]) == code


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "nothing to check"),
        (["-c", "OS.release.ID"], 2, "the constraint is empty"),
        (["-c", "OS.release.ID => ubuntu"], 2, "begins with no operator"),
        (["-c", "OS.release.ID >= old"], 2, 'invalid version "old"'),
        (["-f", "none.yaml"], 3, "no such file: none.yaml"),
        (["-c", HOLDS, "-o", "yaml"], 2, "unknown format of yaml"),
        (["-c", HOLDS, "-o", "cm://a/b"], 2, "cannot write cm://a/b"),
        (["-c", HOLDS, "-o", "/nowhere/a.json"], 8, "cannot write /nowhere/a.json"),
    ],
)
def test_trouble_is_never_an_answer(
    snapshot: str, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", snapshot, *words]) == code
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True)


def test_an_error_that_nobody_foresaw_is_no_answer(
    snapshot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stdout that breaks in a way of its own.
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["check", snapshot, "-c", HOLDS]) == 8
    assert main(["schema"]) == 1


def test_a_broken_rule_names_file_and_line(
    snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_rules(tmp_path, "- name: a\n  constraint: >= 1.32\n")
    assert main(["check", snapshot, "-f", path]) == 2
    err = capsys.readouterr().err
    assert f"{path} is not valid YAML (line 2)" in err
    assert "hint: quote a string that begins with" in err


def test_one_check_is_written_in_several_formats(
    snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junit, result = tmp_path / "j.XML", tmp_path / "r"
    words = ["-o", "text", "-o", str(junit), "-o", str(result), "-t", "json"]
    assert main(["check", snapshot, "-c", FAILS, *words[:4]]) == 1
    assert capsys.readouterr().out.endswith("1 failed\n")
    assert "<failure" in junit.read_text()
    assert main(["check", snapshot, "-c", FAILS, *words[4:]]) == 1
    assert json.loads(result.read_text())["summary"]["failed"] == 1


def test_rules_come_from_stdin_or_the_snapshot_does_not_both(
    snapshot: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = io.BytesIO(b"- {name: a, constraint: OS.release.ID == rhel}\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(rules))
    assert main(["check", snapshot, "-f", "-"]) == 1
    document = io.BytesIO(Path(snapshot).read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(document))
    assert main(["check", "-", "-c", FAILS]) == 1
    assert main(["check", "-", "-f", "-"]) == 2
    assert "stdin was given twice" in capsys.readouterr().err
