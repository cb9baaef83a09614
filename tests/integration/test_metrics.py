"""--metrics-file of the built file, read back by Prometheus' own programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import prometheus
from tests.integration.conftest import Start
from tests.validation import parse_valid

NODE = "gpu-17"
COLLECT = ["collect", "--quiet", "--metrics-file"]
# What is not needed where nobody asks for metrics; a start pays for each module (ADR 0019).
OURS = ("clients.metrics", "collectors.run.timing")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "snapshot.prom"


@pytest.mark.parametrize("place", ["tree", "zip"])
def test_the_file_is_what_prometheus_reads(
    start: Start, python: str, path: Path, place: str
) -> None:
    env = {"XDG_CACHE_HOME": ""} if place == "zip" else {}
    answer = start(*COLLECT, str(path), python=python, NODE_NAME=NODE, **env)
    assert answer.returncode == 0, answer.stderr
    text = path.read_text()
    assert prometheus.check_with_promtool(text) == ""
    found = prometheus.read_metrics(text)
    prometheus.assert_recent(found, NODE)
    assert found[prometheus.SUCCESS] == {(NODE,): 1}
    types = {(NODE, measurement.type) for measurement in parse_valid(answer.stdout).measurements}
    assert set(found[prometheus.COLLECTOR_DURATION]) == set(found[prometheus.GAPS]) == types


def test_so_is_the_file_of_a_failure(start: Start, python: str, path: Path) -> None:
    words = ["--server", "https://127.0.0.1:1", "--node", NODE, "--metrics-file", str(path)]
    assert start(*words, python=python).returncode == 6
    text = path.read_text()
    assert prometheus.check_with_promtool(text) == ""
    assert prometheus.read_metrics(text)[prometheus.SUCCESS] == {(NODE,): 0}


def test_promtool_would_say_what_is_wrong() -> None:
    assert "no help text" in prometheus.check_with_promtool("a_bytes_total 1\n")


def test_who_asks_for_no_metrics_pays_for_none(start: Start, python: str) -> None:
    answer = start("collect", "--quiet", python=python, flags="-ISB -X importtime")
    assert answer.returncode == 0, answer.stderr
    loaded = set(re.findall(r"^import time:.*\| +([\w.]+)", answer.stderr, re.M))
    assert "kubectl_snapshot.collectors.run.runner" in loaded
    assert not [name for name in loaded if name.startswith("prometheus_client")]
    assert not loaded & {f"kubectl_snapshot.{name}" for name in OURS}
