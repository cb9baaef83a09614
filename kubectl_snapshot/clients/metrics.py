"""Prometheus metrics about captures; the only importer of prometheus_client.

Written to a file for node_exporter's textfile collector, or exported by the registry of a program
that uses the library. Nothing is served.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from kubectl_snapshot.clients.files.outputfile import check_writable, write_whole
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Sample = tuple[Mapping[str, str], float]

ENDING = ".prom"
# Readable by node_exporter, which runs as another user; the file has no secrets.
MODE = 0o644


@dataclass(frozen=True)
class Collection:
    """A finished collection. The maps lack collectors that did not run.

    `ended_at` is seconds of the Unix epoch. `gaps` counts the subtypes that could not be read.
    """

    node_name: str
    is_success: bool
    ended_at: float
    duration_s: float
    collector_durations_s: Mapping[str, float] = field(default_factory=dict)
    gaps: Mapping[str, int] = field(default_factory=dict)


# Name: help text and samples; docs/metrics.md has them as a table.
METRICS: Mapping[str, tuple[str, Callable[[Collection], Iterable[Sample]]]] = {
    "snapshot_collection_duration_seconds": (
        "Duration of the last collection, successful or not.",
        lambda c: [({}, c.duration_s)],
    ),
    "snapshot_collection_success": (
        "1 if the last collection returned a snapshot, possibly with gaps, else 0.",
        lambda c: [({}, float(c.is_success))],
    ),
    "snapshot_last_collection_timestamp_seconds": (
        "End of the last collection, successful or not, in seconds since the Unix epoch.",
        lambda c: [({}, c.ended_at)],
    ),
    "snapshot_collector_duration_seconds": (
        "Duration of a collector in the last collection; its deadline if it hung.",
        lambda c: [({"collector": name}, s) for name, s in c.collector_durations_s.items()],
    ),
    "snapshot_collector_gaps": (
        "Subtypes with gaps by collector; no sample if the last collection failed.",
        lambda c: [({"collector": name}, float(n)) for name, n in c.gaps.items()],
    ),
}


@dataclass(frozen=True)
class FleetCollection:
    """A scheduled capture of a fleet. Times are seconds of the Unix epoch.

    `nodes` counts them by status, `findings` those with a finding of a severity; `outliers` is
    None, and both are empty, if it failed.
    """

    is_success: bool = False
    nodes: Mapping[str, int] = field(default_factory=dict)
    outliers: int | None = None
    findings: Mapping[str, int] = field(default_factory=dict)
    began_at: float = 0.0
    ended_at: float = 0.0


FLEET_METRICS: Mapping[str, tuple[str, Callable[[FleetCollection], Iterable[Sample]]]] = {
    "snapshot_fleet_nodes": (
        "Nodes of the last run by status.",
        lambda c: [({"status": name}, float(n)) for name, n in c.nodes.items()],
    ),
    "snapshot_fleet_outliers": (
        "Nodes that differ from most others of their group.",
        lambda c: [] if c.outliers is None else [({}, float(c.outliers))],
    ),
    "snapshot_fleet_findings": (
        "Nodes with a finding of a severity.",
        lambda c: [({"severity": name}, float(n)) for name, n in c.findings.items()],
    ),
    "snapshot_fleet_success": (
        "1 if the last run captured a node, else 0.",
        lambda c: [({}, float(c.is_success))],
    ),
    "snapshot_fleet_duration_seconds": (
        "Duration of the last run, successful or not.",
        lambda c: [({}, c.ended_at - c.began_at)],
    ),
    "snapshot_fleet_last_run_timestamp_seconds": (
        "End of the last run, successful or not, in seconds since the Unix epoch.",
        lambda c: [({}, c.ended_at)],
    ),
}


class Registry(Protocol):
    """A CollectorRegistry of prometheus_client."""

    def register(self, collector: Any) -> None: ...


class LastCollections:
    """A collector of prometheus_client: the last collection of each node. Thread-safe."""

    def __init__(self) -> None:
        self._by_node: dict[str, Collection] = {}
        self._lock = threading.Lock()

    def add(self, collection: Collection) -> None:
        """Replace the node's last collection.

        A failure without a node name is dropped at the next collection, whichever node that is: no
        later success would replace it.
        """
        with self._lock:
            self._by_node.pop("", None)
            self._by_node[collection.node_name] = collection

    def collect(self) -> Iterable[Any]:
        """Return the metric families (prometheus_client.registry.Collector)."""
        with self._lock:
            collections = tuple(self._by_node.values())
        return build_families(collections)

    def describe(self) -> Iterable[Any]:
        """Return the families without samples; the registry compares their names."""
        return build_families(())


# A registry accepts a metric name once, and does not say who registered it.
_REGISTERED: WeakKeyDictionary[Registry, LastCollections] = WeakKeyDictionary()
_REGISTERING = threading.Lock()


def ensure_registered(registry: Registry) -> LastCollections:
    """Return the collector of a registry; register it on first use.

    Raises InvalidRequest if the registry already has a metric of the same name.
    """
    with _REGISTERING:
        if registry not in _REGISTERED:
            last = LastCollections()
            try:
                registry.register(last)
            except ValueError as error:
                raise InvalidRequest(
                    "the registry already has metrics of these names",
                    str(error),
                    "pass another registry",
                ) from error
            _REGISTERED[registry] = last
        return _REGISTERED[registry]


def check_metrics_path(path: str) -> None:
    """Raise for a file that cannot be written, or that node_exporter would ignore."""
    if not path.endswith(ENDING):
        raise InvalidRequest(
            f"invalid metrics file {path}",
            why=f"node_exporter reads only files with the extension {ENDING}",
            hint=f"use --metrics-file /var/lib/node_exporter/snapshot{ENDING}",
        )
    check_writable(path)


def write_metrics(path: str, collection: Collection) -> None:
    """Write a file for the textfile collector atomically, readable by all users."""
    write_whole(path, render_metrics(collection), MODE)


def render_metrics(collection: Collection) -> str:
    """Return a collection in Prometheus' text format."""
    from prometheus_client import generate_latest

    last = LastCollections()
    last.add(collection)
    return generate_latest(last).decode()


def render_fleet_metrics(collection: FleetCollection) -> str:
    """Return a run of a schedule in Prometheus' text format."""
    from prometheus_client import Metric, generate_latest

    families = []
    for name, (text, read) in FLEET_METRICS.items():
        family = Metric(name, text, "gauge")
        for labels, value in read(collection):
            family.add_sample(name, dict(labels), value)
        families.append(family)
    return generate_latest(_Families(families)).decode()


class _Families(NamedTuple):
    """A collector of prometheus_client with these families."""

    families: list[Any]

    def collect(self) -> list[Any]:
        """Return the families (prometheus_client.registry.Collector)."""
        return self.families


def build_families(collections: Iterable[Collection]) -> list[Any]:
    """Return all metric families, each with the samples of these collections."""
    from prometheus_client import Metric

    families = {name: Metric(name, text, "gauge") for name, (text, _) in METRICS.items()}
    for collection in collections:
        # A name from the environment may have bytes that are not UTF-8.
        node = {"node": collection.node_name.encode("utf-8", "backslashreplace").decode()}
        for name, (_, read) in METRICS.items():
            for labels, value in read(collection):
                families[name].add_sample(name, {**node, **labels}, value)
    return list(families.values())
