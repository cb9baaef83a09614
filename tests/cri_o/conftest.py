"""Fixtures of the cluster tests, and a line for each test at the end of the run."""

from __future__ import annotations

from tests.cluster.conftest import (
    cluster,
    pytest_terminal_summary,
    run_snapshot,
    start_snapshot,
    zipapp,
)

__all__ = ["cluster", "pytest_terminal_summary", "run_snapshot", "start_snapshot", "zipapp"]
