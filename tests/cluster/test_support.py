"""The rule that a skipped cluster test is a failure where a cluster is required."""

from __future__ import annotations

import pytest

from tests.cluster.support import refuse_skip


def build_skip() -> pytest.TestReport:
    place = ("test_x.py", 3, "Skipped: no cluster")
    return pytest.TestReport("test_x", ("test_x.py", 3, "test_x"), {}, "skipped", place, "setup")


def test_a_skip_is_a_failure_where_a_cluster_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPSHOT_REQUIRE_CLUSTER", "1")
    report = build_skip()
    refuse_skip(report)
    assert report.failed
    assert "no cluster" in str(report.longrepr)


def test_a_skip_stays_a_skip_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNAPSHOT_REQUIRE_CLUSTER", raising=False)
    report = build_skip()
    refuse_skip(report)
    assert report.skipped
