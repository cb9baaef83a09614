from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kubectl_snapshot.commands.completion.values import PartialCommand, find_values
from kubectl_snapshot.commands.findings import build_parser
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.main import main
from tests.unit.document.findings.support import change, drop
from tests.unit.render.pages import BAD, EXAMPLES, GOOD

SICK = str(EXAMPLES / "snapshots" / "gpu-23.yaml")
HEALTHY = str(EXAMPLES / "snapshots" / "gpu-17.yaml")


def write(snapshot: Snapshot, path: Path) -> str:
    path.write_text(render_json(snapshot), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("document", "fail_on", "code"),
    [
        (GOOD, "", 0),
        (GOOD, "critical", 0),
        (GOOD, "warning", 0),
        (BAD, "", 0),
        (BAD, "critical", 1),
        (BAD, "warning", 1),
        (change(GOOD, {"GPU.gpu-1.persistence-mode": False}), "critical", 0),
        (change(GOOD, {"GPU.gpu-1.persistence-mode": False}), "warning", 1),
        (drop(GOOD, "GPU"), "", 0),
        (drop(GOOD, "GPU"), "critical", 10),
        (drop(GOOD, "K8s"), "critical", 10),
        (drop(GOOD, "K8s"), "warning", 10),
        (drop(BAD, "OS"), "critical", 1),
    ],
)
def test_the_exit_code_is_the_answer_to_fail_on(
    document: Snapshot, fail_on: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(document, tmp_path / "a.json")
    assert main(["findings", path, *(["--fail-on", fail_on] if fail_on else [])]) == code


def test_the_text_has_proof_and_fix_and_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    main(["findings", SICK])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "critical  gpu-missing: gpu-5 is on the PCI bus, and the driver does not list it",
        "          proof: GPU.gpu-5.context.reason is the driver does not list the GPU that the "
        "PCI bus has",
        "          fix: see `dmesg | grep -i nvrm` for the probe that failed; drain the node and "
        "reboot it",
    ]
    assert lines[-1] == "2 critical, 5 info, 33 unknown"
    assert any(
        line.startswith("unknown   GPU.gpu-5 is error: ") and "more" in line for line in lines
    )


def test_wide_has_everything_that_was_judged(capsys: pytest.CaptureFixture[str]) -> None:
    main(["findings", HEALTHY, "-o", "wide"])
    out = capsys.readouterr().out
    assert "\nok        gpu-lost\n" in out
    assert "          see: https://docs.kernel.org/admin-guide/tainted-kernels.html\n" in out


def test_json_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    main(["findings", SICK, "-o", "json", "--mute", "gpu-missing=known"])
    document = json.loads(capsys.readouterr().out)
    assert (document["source"], document["node"]) == (SICK, "gpu-23")
    assert document["summary"] == {"critical": 1, "warning": 0, "info": 5}
    first = document["findings"][0]
    assert (first["id"], first["severity"], first["on"]) == (
        "fabric-manager-down",
        "critical",
        "nvidia-fabricmanager.service",
    )
    path = "SystemD.nvidia-fabricmanager.service.ActiveState"
    assert first["proof"] == [{"path": path, "value": "failed"}]
    assert document["unknown"][0]["reason"].startswith("GPU.gpu-5 is error")
    assert document["muted"] == [{"id": "gpu-missing", "reason": "known"}]
    assert "nouveau" in document["ok"]


@pytest.mark.parametrize(("fail_on", "failures"), [("critical", 2), ("warning", 2)])
def test_junit_fails_what_counts_and_skips_the_rest(
    fail_on: str, failures: int, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["findings", SICK, "-o", "junit", "--fail-on", fail_on])
    (suite,) = ElementTree.fromstring(capsys.readouterr().out)
    assert suite.get("name") == "kubectl-snapshot findings"
    assert (suite.get("failures"), suite.get("skipped")) == (str(failures), "38")
    assert [case.get("name") for case in suite if not len(case)].count("nouveau") == 1


def test_a_warning_that_counts_is_a_failure_in_junit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(change(GOOD, {"GPU.gpu-1.persistence-mode": False}), tmp_path / "a.json")
    counts = []
    for fail_on in ("critical", "warning"):
        main(["findings", path, "-o", "junit", "--fail-on", fail_on])
        (suite,) = ElementTree.fromstring(capsys.readouterr().out)
        counts.append(suite.get("failures"))
    assert counts == ["0", "1"]


def test_code_review_gets_levels(capsys: pytest.CaptureFixture[str]) -> None:
    main(["findings", SICK, "-o", "github"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("::error title=gpu-missing::gpu-23: GPU.gpu-5.context.reason is ")
    assert lines[2].startswith("::notice title=kubelet-behind::")
    assert sum(line.startswith("::notice title=unknown::") for line in lines) == 2
    assert lines[-1].endswith("gpu-23: 2 critical, 5 info, 33 unknown")
    main(["findings", SICK, "-o", "sarif"])
    run = json.loads(capsys.readouterr().out)["runs"][0]
    assert run["tool"]["driver"]["name"] == "kubectl-snapshot findings"
    assert [r["level"] for r in run["results"]] == ["error"] * 2 + ["note"] * 7
    main(["findings", SICK, "-o", "markdown"])
    out = capsys.readouterr().out
    assert out.startswith("### `gpu-23`: 2 critical, 5 info, 33 unknown\n")
    assert "| **critical** | gpu-missing | `GPU.gpu-5.context.reason is " in out


def test_markdown_quotes_what_a_node_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edits = {"GPU.gpu-1.context.status": "error", "GPU.gpu-1.context.reason": "[x](http://y) `<b>|"}
    main(["findings", write(change(GOOD, edits), tmp_path / "a.json"), "-o", "markdown"])
    row = next(line for line in capsys.readouterr().out.splitlines() if "gpu-lost" in line)
    assert "; `see `" not in row
    assert row.count("`gpu-1 does not answer: [x](http://y) '<b>\\|`") == 1


def test_a_mute_file_is_named_with_its_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mutes = tmp_path / "mutes.yaml"
    mutes.write_text("gpu-missing: ticket 4711\nnouveau: \n")
    assert main(["findings", SICK, "--mute-file", str(mutes), "--fail-on", "critical"]) == 1
    out = capsys.readouterr().out
    assert f"\nmuted     gpu-missing: ticket 4711 ({mutes})\n" in out
    assert "nouveau" not in out
    words = ["--mute-file", str(mutes), "--mute", "fabric-manager-down", "--mute", "unit-failed"]
    assert main(["findings", SICK, *words]) == 0


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("- gpu-missing\n", "line 1: a mute file is a map"),
        ("", "line 1: a mute file is a map"),
        ("gpu-missing: [a]\n", "line 1: the reason of gpu-missing is not a text"),
        ("gpu-mising: x\n", 'unknown finding "gpu-mising"'),
        ("x" * (1024 * 1024 + 1), "is larger than 1048576 bytes"),
    ],
    ids=["list", "empty", "nested", "mistyped", "large"],
)
def test_a_wrong_mute_file_is_refused_with_its_line(
    content: str, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mutes.yaml"
    path.write_text(content)
    assert main(["findings", SICK, "--mute-file", str(path)]) == 2
    assert error in capsys.readouterr().err


def test_a_mistyped_finding_gets_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", SICK, "--mute", "pcie-witdh"]) == 2
    assert "did you mean pcie-width?" in capsys.readouterr().err


def test_a_mistyped_severity_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", SICK, "--fail-on", "critcal"]) == 2
    assert "critical" in capsys.readouterr().err


def test_stdin_is_read_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "-", "--mute-file", "-"]) == 2
    assert "stdin was given twice" in capsys.readouterr().err


def test_tab_offers_ids_and_severities() -> None:
    parser = build_parser()
    partial = PartialCommand(parser.parse_args(["a.yaml"]), {}, 0.0)
    (mute,) = (a for a in parser._actions if a.dest == "mute")
    assert "gpu-lost" in find_values(mute, "", partial)
