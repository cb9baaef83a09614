"""The corpora of tests/corpora/diff, which were written without the code, run by the verb."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.paths import matches_path
from kubectl_snapshot.main import main
from tests.corpora_support import Case, edit_snapshot, read_cases, read_gpu_17

GPU_17 = read_gpu_17()
BROKEN = read_cases("diff/broken-documents.yaml")
VOLATILE = read_cases("diff/volatile.yaml")
Run = Callable[[Case], "tuple[int, dict[str, Any]]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return the exit code and the JSON of `diff` of a case's two documents."""

    def run_case(case: Case, *flags: str) -> tuple[int, dict[str, Any]]:
        before = edit_snapshot(GPU_17, case.get("setup", ()))
        paths = [tmp_path / name for name in ("a.json", "b.json", "diff.json")]
        paths[0].write_text(render_json(before), encoding="utf-8")
        paths[1].write_text(render_json(edit_snapshot(before, case["edits"])), encoding="utf-8")
        code = main(["diff", *map(str, paths[:2]), "-o", str(paths[2]), *flags])
        return code, json.loads(paths[2].read_text(encoding="utf-8"))

    return run_case


def names(paths: list[str], pattern: str) -> bool:
    return any(
        matches_path(path, pattern.replace("[0-7]", "*")) or path.startswith(f"{pattern}.")
        for path in paths
    )


@pytest.mark.parametrize("case", [*BROKEN, *VOLATILE], ids=lambda case: case["id"])
def test_a_case_has_its_exit_code_and_its_paths(case: Case, run: Run) -> None:
    code, reported = run(case)
    paths = [change["path"] for change in reported["changes"]]
    expected = case["expected"]
    assert code == expected["diff_exit"], paths
    assert [path for path in expected["finds"] if not names(paths, path)] == []
    for alternatives in expected.get("finds_any", ()):
        assert any(names(paths, path) for path in alternatives), paths
    unwanted = expected.get("not_finds", [edit["path"] for edit in case["edits"]])
    if expected["diff_exit"] == 0 or "not_finds" in expected:
        assert [path for path in paths if path.startswith(tuple(unwanted))] == []
