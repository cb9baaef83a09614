"""The truth table of `check`, through the real verb: tests/corpora/check/truth-table.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN
from kubectl_snapshot.document.rules.results import WARNED
from kubectl_snapshot.main import main

ROOT = Path(__file__).resolve().parents[4]
ROWS = yaml.safe_load((ROOT / "tests/corpora/check/truth-table.yaml").read_text())
ERROR = "error"


def answer_of(code: int, output: str) -> str:
    """Return the answer of `check -o json`: an error prints nothing."""
    if code == 2:
        assert output == ""
        return ERROR
    summary = json.loads(output)["summary"]
    if summary[FAILED] or summary[WARNED]:
        return "fails"
    return "unknown" if summary[UNKNOWN] or not summary[HELD] else "holds"


def write(tmp_path: Path, row: dict[str, Any]) -> list[str]:
    document = {
        "kind": row.get("kind", "Snapshot"),
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"source-node": "gpu-17", "timestamp": "2026-11-23T09:12:44Z"},
        "measurements": row["measurements"],
    }
    snapshot, rules = tmp_path / "snap.yaml", tmp_path / "rules.yaml"
    snapshot.write_text(yaml.safe_dump(document))
    if "rules" in row:
        rules.write_text(yaml.safe_dump(row["rules"]))
        return ["check", str(snapshot), "-f", str(rules)]
    # A row without either is a check of nothing.
    return ["check", str(snapshot), *(["-c", c] if (c := row.get("constraint")) else [])]


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_truth_table(
    row: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = write(tmp_path, row)
    code = main([*words, "-o", "json"])
    output, errors = capsys.readouterr()
    expected = [row[key] for key in ("expected", "or_expected") if key in row]
    answer = answer_of(code, output)
    assert answer in expected
    if answer == row["expected"]:
        assert code == row["exit"]
        assert main([*words, "--strict", "-o", "json"]) == row.get("exit_strict", row["exit"])
        capsys.readouterr()
    main(words)
    text = capsys.readouterr().out
    for place, said in (
        ("stderr_has", errors),
        ("stdout_has", text),
        ("stderr_or_stdout_has", errors + text),
    ):
        for fragment in row.get(place, ()):
            assert fragment in said
