"""Fixtures of the matrix: those of the cluster tests, and its table with one row per test.

SNAPSHOT_MATRIX_TABLE names the file to append to: scripts/test-matrix runs pytest once for each
Kubernetes version.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.cluster.conftest import cluster, namespace
from tests.cluster.support import refuse_skip

__all__ = ["cluster", "namespace"]

COLUMNS = ("kubernetes", "started by", "agent", "seconds")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    table = os.environ.get("SNAPSHOT_MATRIX_TABLE")
    if table and (report.when == "call" or report.failed):
        # A test that fails before it records its properties is named by its test name.
        unknown = {"kubernetes": os.environ.get("SNAPSHOT_LAB_KUBERNETES"), "started by": item.name}
        found = {**unknown, **dict(report.user_properties)}
        row = [*(str(found.get(column, "-")) for column in COLUMNS), report.outcome]
        with open(table, "a", encoding="utf-8") as file:
            file.write("\t".join(row) + "\n")
    return report
