"""The page's templates are files of the package: each way to run it has to find them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import Start

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
REPORT = ("report", str(EXAMPLES / "snapshots" / "gpu-17.yaml"))


@pytest.mark.parametrize("env", [{}, {"XDG_CACHE_HOME": "", "HOME": ""}], ids=["unpacked", "zip"])
def test_every_python_makes_the_same_page(
    start: Start, cache: Path, python: str, env: dict[str, str]
) -> None:
    answer = start(*REPORT, python=python, **env)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == (EXAMPLES / "node.html").read_text(encoding="utf-8")
    assert cache.exists() == (not env)
