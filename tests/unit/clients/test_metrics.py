"""Metrics in a registry and in a file; tests/integration reads the file as Prometheus does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from kubectl_snapshot.clients.metrics import (
    METRICS,
    Collection,
    check_metrics_path,
    ensure_registered,
    render_metrics,
    write_metrics,
)
from kubectl_snapshot.errors import Internal, InvalidRequest

FIRST = Collection("node1", True, 1795429751.517, 1.25, {"OS": 0.025, "GPU": 0.5}, {"OS": 0})
FAILED = Collection("node1", False, 1795429800.0, 3.0)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_a_registry_has_the_last_collection_of_each_node() -> None:
    registry = CollectorRegistry(auto_describe=True)
    ensure_registered(registry).add(FIRST)
    ensure_registered(registry).add(Collection("node2", False, 1.0, 2.0))
    name = "snapshot_collection_duration_seconds"
    assert value(registry, name, node="node1") == 1.25
    assert value(registry, name, node="node2") == 2.0
    name = "snapshot_collector_duration_seconds"
    assert value(registry, name, node="node1", collector="OS") == 0.025
    assert value(registry, name, node="node2", collector="OS") is None


def test_nothing_of_the_collection_before_stays() -> None:
    registry = CollectorRegistry()
    ensure_registered(registry).add(FIRST)
    ensure_registered(registry).add(FAILED)
    samples = [sample for family in registry.collect() for sample in family.samples]
    assert {sample.name: sample.value for sample in samples} == {
        "snapshot_collection_duration_seconds": 3.0,
        "snapshot_collection_success": 0.0,
        "snapshot_last_collection_timestamp_seconds": 1795429800.0,
    }


def test_a_failure_on_an_unknown_node_lasts_until_the_next_collection() -> None:
    registry = CollectorRegistry()
    name = "snapshot_collection_success"
    ensure_registered(registry).add(Collection("", False, 1.0, 2.0))
    assert value(registry, name, node="") == 0
    ensure_registered(registry).add(FIRST)
    assert value(registry, name, node="") is None
    assert value(registry, name, node="node1") == 1


def test_a_registry_that_has_such_metrics_is_refused() -> None:
    registry = CollectorRegistry()
    Gauge("snapshot_collection_success", "Another program's.", registry=registry)
    with pytest.raises(InvalidRequest, match="snapshot_collection_success"):
        ensure_registered(registry)


def test_the_metrics_of_others_stay_as_they_are() -> None:
    registry = CollectorRegistry()
    Gauge("requests_active", "Another program's.", registry=registry).set(7)
    ensure_registered(registry).add(FIRST)
    assert value(registry, "requests_active") == 7


def test_a_file_has_all_metrics_and_their_help() -> None:
    text = render_metrics(FIRST)
    for name, (help_text, _) in METRICS.items():
        assert f"# HELP {name} {help_text}\n# TYPE {name} gauge\n{name}{{" in text
    assert 'snapshot_collector_duration_seconds{collector="GPU",node="node1"} 0.5\n' in text


def test_a_name_of_a_node_cannot_add_a_line() -> None:
    text = render_metrics(Collection('n"} 1\nx 1 \udcff', True, 1.0, 1.0))
    assert r'snapshot_collection_success{node="n\"} 1\nx 1 \\udcff"} 1.0' in text
    assert "\nx" not in text


def test_others_can_read_the_file_whatever_the_umask_is(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.prom"
    path.touch(0o600)
    before = os.umask(0o077)
    try:
        write_metrics(str(path), FIRST)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["snapshot.prom"]
    assert path.read_text() == render_metrics(FIRST)


@pytest.mark.parametrize("name", ["metrics.txt", "-", "a.prom.gz", "prom"])
def test_a_file_that_node_exporter_would_pass_over_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_metrics_path(str(tmp_path / name))
    assert caught.value.why == "node_exporter reads only files with the extension .prom"


def test_a_directory_that_is_not_there_is_said_before_anything_is_spent(tmp_path: Path) -> None:
    with pytest.raises(Internal, match="no such directory: "):
        check_metrics_path(str(tmp_path / "none" / "a.prom"))
