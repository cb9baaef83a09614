from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kubectl_snapshot.main import main
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

SWAPPINESS = "OS.sysctl./proc/sys/vm/swappiness"
HELD, FAILS = "GPU.smi.driver == 580", f"{SWAPPINESS} == 10"
Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    odd = [
        vary("b10", {SWAPPINESS: "60"}),
        vary("b9", {SWAPPINESS: "60", "GPU.smi.driver": "570"}),
        vary("u", status={"OS.sysctl": "error"}),
    ]
    write_fleet(tmp_path / "fleet", make_fleet(2, *odd), ["gone"], labels={"pool": "a|n0"})
    return tmp_path


TEXT = """\
RESULT   NODE  HELD  FAILED  WARNED  UNKNOWN  SKIPPED
FAIL     b9    0     2       0       0        0
FAIL     b10   1     1       0       0        0
unknown  u     1     0       0       1        0
ok       n0    2     0       0       0        0
ok       n1    2     0       0       0        0

FAIL     OS.sysctl./proc/sys/vm/swappiness is 60, not == 10
         2 nodes: b9, b10
FAIL     GPU.smi.driver is 570, not == 580
         1 node: b9

unknown  gone: failed, image pull: no such image

fleet: 2 of 5 nodes failed, 1 without a snapshot
"""


def test_a_row_for_each_node_the_worst_first(fleet: Path, capsys: Capsys) -> None:
    assert main(["check", "fleet", "-c", HELD, "-c", FAILS]) == 1
    assert capsys.readouterr().out == TEXT


def test_only_failed_shows_failed_nodes(fleet: Path, capsys: Capsys) -> None:
    assert main(["check", "fleet", "-c", FAILS, "--only-failed"]) == 1
    text = capsys.readouterr().out
    assert "b9 " in text
    assert "n0" not in text


def test_junit_has_a_suite_for_each_node(fleet: Path, capsys: Capsys) -> None:
    assert main(["check", "fleet", "-c", HELD, "-c", FAILS, "-o", "junit"]) == 1
    root = ElementTree.fromstring(capsys.readouterr().out)
    suites = [(s.get("name"), s.get("tests"), s.get("failures")) for s in root]
    assert suites == [
        ("b9", "2", "2"),
        ("b10", "2", "1"),
        ("u", "2", "0"),
        ("n0", "2", "0"),
        ("n1", "2", "0"),
    ]


def test_json_has_what_did_not_hold(fleet: Path, capsys: Capsys) -> None:
    assert main(["check", "fleet", "-c", HELD, "-c", FAILS, "-o", "json"]) == 1
    tree = json.loads(capsys.readouterr().out)
    found = [(n["node"], n["outcome"], [r["actual"] for r in n["results"]]) for n in tree["nodes"]]
    assert found[:2] == [("b9", "failed", ["570", "60"]), ("b10", "failed", ["60"])]
    assert [outcome for _, outcome, _ in found[2:]] == ["unknown", "held", "held"]
    assert tree["without-snapshot"] == [
        {"node": "gone", "reason": "failed, image pull: no such image"}
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-c", HELD.replace("==", "!=")], 1),
        (["-c", "OS.kmod.nvidia == true"], 0),
        (["-c", "OS.kmod.nvidia == true", "--strict"], 10),
        (["-c", "label(pool) == a"], 1),
        (["-c", "OS.kmod.nvidia == true", "-o", "sarif"], 2),
        ([], 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst_node(
    fleet: Path, capsys: Capsys, words: list[str], code: int
) -> None:
    assert main(["check", "fleet", *words]) == code
    capsys.readouterr()


def test_no_missing_node_and_nothing_unknown_passes_strict(tmp_path: Path, capsys: Capsys) -> None:
    write_fleet(tmp_path / "f", make_fleet(2))
    assert main(["check", str(tmp_path / "f"), "-c", HELD, "--strict"]) == 0
    write_fleet(tmp_path / "none", {}, ["a"])
    assert main(["check", str(tmp_path / "none"), "-c", HELD]) == 2
    assert "no node of" in capsys.readouterr().err


def test_a_rule_file_that_applies_to_no_node_is_no_pass(fleet: Path) -> None:
    rules = "- name: a\n  constraint: OS.kmod.nvidia == true\n  when: OS.kmod.xfs == false\n"
    (fleet / "rules.yaml").write_text(rules)
    assert main(["check", "fleet", "-f", "rules.yaml"]) == 10
