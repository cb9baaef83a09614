"""A user's template on every Python: Jinja2 is in the file, its lines are found in errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import Start

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
QUERY = ("query", str(EXAMPLES / "snapshots" / "gpu-17.yaml"), "--template")


@pytest.mark.parametrize("env", [{}, {"XDG_CACHE_HOME": "", "HOME": ""}], ids=["unpacked", "zip"])
def test_every_python_makes_the_same_text(start: Start, python: str, env: dict[str, str]) -> None:
    template = EXAMPLES / "templates" / "cluster-report.md.j2"
    answer = start(*QUERY, str(template), python=python, **env)
    assert (answer.returncode, answer.stderr) == (0, "")
    golden = ROOT / "tests" / "golden" / "templates" / "cluster-report.md"
    assert answer.stdout == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "code", "reported"),
    [
        ("\n{{ snapshot.nodes }}", 2, "line 2 cannot be rendered"),
        ("\n{{ reading('OS.release.X') }}", 3, "line 2: the snapshot has no OS.release.X"),
        ("\n{{ 9**(9**9) }}", 2, "line 2 cannot be rendered"),
        ("\n{% if %}", 2, "line 2: invalid Jinja2"),
    ],
)
def test_every_python_tells_the_line(
    start: Start, python: str, tmp_path: Path, source: str, code: int, reported: str
) -> None:
    template = tmp_path / "a.j2"
    template.write_text(source)
    answer = start(*QUERY, str(template), python=python)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert reported in answer.stderr
