"""tests/corpora/cli/mistakes.yaml without a cluster: each mistake has its answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.main import main
from tests.mistakes import Answer, Case, find_faults, read_cases, write_files


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the corpus's files, and no cluster."""
    directory = tmp_path / "work"
    directory.mkdir()
    write_files(directory)
    monkeypatch.chdir(directory)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return directory


@pytest.mark.parametrize("case", read_cases(needs_cluster=False))
def test_a_mistake_has_its_answer(
    case: Case, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(case["argv"])
    except SystemExit as end:  # argparse's, after a help
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    assert find_faults(case, Answer(code, out, err), nowhere) == [], err
