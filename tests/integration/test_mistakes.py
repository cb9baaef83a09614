"""tests/corpora/cli/mistakes.yaml through the built file, without a cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Build
from tests.mistakes import Answer, Case, find_faults, read_cases, write_files


@pytest.mark.parametrize("case", read_cases(needs_cluster=False))
def test_a_mistake_has_its_answer(case: Case, build: Build, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    write_files(work)
    done = subprocess.run(
        [sys.executable, "-IB", str(build.zipapp), *case["argv"]],
        cwd=work,
        env={"HOME": "/nonexistent", "KUBECONFIG": str(tmp_path / "none"), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    answer = Answer(done.returncode, done.stdout, done.stderr)
    assert find_faults(case, answer, work) == [], done.stderr
