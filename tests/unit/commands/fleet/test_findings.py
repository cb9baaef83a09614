from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kubectl_snapshot.collectors.all_findings import ALL_FINDINGS
from kubectl_snapshot.main import main
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

KUBELET = {"SystemD.kubelet.service.ActiveState": "failed"}
Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    odd = [
        vary("b10", KUBELET),
        vary("b9", {**KUBELET, "OS.kmod.nouveau": True}),
        vary("u", status={"SystemD.kubelet.service": "error"}),
    ]
    write_fleet(tmp_path / "fleet", make_fleet(2, *odd), ["gone"])
    return tmp_path


TEXT = """\
WORST     NODE  CRITICAL  WARNING  INFO  UNKNOWN
critical  b9    2         0        0     39
critical  b10   1         0        0     39
info      u     0         0        1     45
unknown   n0    0         0        0     39
unknown   n1    0         0        0     39

critical  unit-failed: kubelet.service failed
          2 nodes: b9, b10
          fix: see `systemctl status` and `journalctl -u` of the unit
critical  nouveau: nouveau is loaded: the NVIDIA driver cannot have its GPUs
          1 node: b9
          fix: blacklist nouveau, rebuild the initramfs and reboot

unknown   gone: failed, image pull: no such image

fleet: 2 of 5 nodes critical, 1 without a snapshot
"""


def test_a_row_for_each_node_and_each_finding_once(fleet: Path, capsys: Capsys) -> None:
    assert main(["findings", "fleet"]) == 0
    assert capsys.readouterr().out == TEXT


@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_a_gate_fails_if_one_node_is_sick(fleet: Path, severity: str) -> None:
    assert main(["findings", "fleet", "--fail-on", severity]) == 1


def test_a_gate_does_not_pass_what_cannot_be_judged(fleet: Path) -> None:
    muted = ["--mute", "unit-failed", "--mute", "nouveau"]
    assert main(["findings", "fleet", *muted]) == 0
    assert main(["findings", "fleet", *muted, "--fail-on", "critical"]) == 10


def test_junit_has_a_suite_for_each_node(fleet: Path, capsys: Capsys) -> None:
    assert main(["findings", "fleet", "--fail-on", "critical", "-o", "junit"]) == 1
    root = ElementTree.fromstring(capsys.readouterr().out)
    suites = [(suite.get("name"), suite.get("failures")) for suite in root]
    assert suites == [("b9", "2"), ("b10", "1"), ("u", "0"), ("n0", "0"), ("n1", "0")]


def test_json_has_the_findings_of_each_node(fleet: Path, capsys: Capsys) -> None:
    assert main(["findings", "fleet", "-o", "json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    found = [(n["node"], n["worst"], [f["id"] for f in n["findings"]]) for n in tree["nodes"]]
    assert found[0] == ("b9", "critical", ["nouveau", "unit-failed"])
    assert found[1] == ("b10", "critical", ["unit-failed"])
    assert found[2] == ("u", "info", ["unreadable"])
    assert [worst for _, worst, _ in found[3:]] == ["unknown", "unknown"]
    assert tree["nodes"][0]["summary"] == {"critical": 2, "warning": 0, "info": 0, "unknown": 39}
    (gone,) = tree["without-snapshot"]
    assert gone == {"node": "gone", "reason": "failed, image pull: no such image"}


def test_other_formats_and_an_empty_fleet_are_refused(
    fleet: Path, tmp_path: Path, capsys: Capsys
) -> None:
    assert main(["findings", "fleet", "-o", "sarif"]) == 2
    assert "no format sarif for a fleet" in capsys.readouterr().err
    write_fleet(tmp_path / "none", {}, ["gone"])
    assert main(["findings", "none"]) == 2
    assert "no node of none has a snapshot" in capsys.readouterr().err


def test_a_node_without_a_snapshot_does_not_pass_a_gate(fleet: Path) -> None:
    muted = [word for spec in ALL_FINDINGS for word in ("--mute", spec.id)]
    assert main(["findings", "fleet", *muted]) == 0
    assert main(["findings", "fleet", *muted, "--fail-on", "critical"]) == 10
