"""Metrics as Prometheus reads them: by its client's own parser, and by promtool."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

PREFIX = "snapshot_"
DURATION = "snapshot_collection_duration_seconds"
SUCCESS = "snapshot_collection_success"
ENDED_AT = "snapshot_last_collection_timestamp_seconds"
COLLECTOR_DURATION = "snapshot_collector_duration_seconds"
GAPS = "snapshot_collector_gaps"

Labels = tuple[str, ...]


def read_metrics(text: str) -> Mapping[str, Mapping[Labels, float]]:
    """Return {metric: {its labels' values, the node's first: value}}; all are gauges with help."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        assert (family.type, bool(family.documentation)) == ("gauge", True), family.name
        assert family.name.startswith(PREFIX)
        samples = found.setdefault(family.name, {})
        for sample in family.samples:
            assert list(sample.labels) in (["node"], ["collector", "node"])
            labels = tuple(sample.labels[k] for k in ("node", "collector") if k in sample.labels)
            assert labels not in samples
            samples[labels] = sample.value
    return found


def assert_recent(metrics: Mapping[str, Mapping[Labels, float]], node: str) -> None:
    """Fail unless the collection took some time and ended within the last minute."""
    assert 0 < metrics[DURATION][(node,)] < 60
    assert 0 <= time.time() - metrics[ENDED_AT][(node,)] + 0.001 < 60


def check_with_promtool(text: str) -> str:
    """Return what promtool finds wrong with metrics: the empty text for nothing at all."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: scripts/test-packages prometheus")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr  # 3: the linter has something to say
    return done.stdout + done.stderr
