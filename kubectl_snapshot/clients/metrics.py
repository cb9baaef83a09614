"""How long collections take, for Prometheus: the one door to prometheus_client.

A file for node_exporter's textfile collector, or a registry of the program that uses the library.
Nothing is served, and nothing of a registry is read.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Sample = tuple[Mapping[str, str], float]

ENDING = ".prom"
# node_exporter runs as a user of its own, and what is in the file is no secret.
MODE = 0o644


@dataclass(frozen=True)
class Collection:
    """One collection that has ended. A collector that did not run is in no map.

    `ended_at` is seconds of the Unix epoch. `gaps` counts the subtypes that could not be read.
    """

    node_name: str
    is_success: bool
    ended_at: float
    duration_s: float
    collector_durations_s: Mapping[str, float] = field(default_factory=dict)
    gaps: Mapping[str, int] = field(default_factory=dict)


# Each with its help and its samples; docs/metrics.md has them as a table.
METRICS: Mapping[str, tuple[str, Callable[[Collection], Iterable[Sample]]]] = {
    "snapshot_collection_duration_seconds": (
        "How long the last collection took, a failed one until it failed.",
        lambda c: [({}, c.duration_s)],
    ),
    "snapshot_collection_success": (
        "1 if the last collection brought a snapshot, which may have gaps, else 0.",
        lambda c: [({}, float(c.is_success))],
    ),
    "snapshot_last_collection_timestamp_seconds": (
        "When the last collection ended, successful or not, in seconds since the Unix epoch.",
        lambda c: [({}, c.ended_at)],
    ),
    "snapshot_collector_duration_seconds": (
        "How long a collector took in the last collection, one that hung until it was given up.",
        lambda c: [({"collector": name}, s) for name, s in c.collector_durations_s.items()],
    ),
    "snapshot_collector_gaps": (
        "Subtypes that a collector could not read wholly; none where there is no snapshot.",
        lambda c: [({"collector": name}, float(n)) for name, n in c.gaps.items()],
    ),
}


class Registry(Protocol):
    """A CollectorRegistry of prometheus_client."""

    def register(self, collector: Any) -> None: ...


class LastCollections:
    """The last collection of each node, as prometheus_client asks for it; any thread may add."""

    def __init__(self) -> None:
        self._by_node: dict[str, Collection] = {}
        self._lock = threading.Lock()

    def add(self, collection: Collection) -> None:
        """Put it in the place of the node's one before, of which nothing stays.

        A failure on a node that nobody knows lasts until the next collection: no success of that
        node would ever end it.
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
        """Return the families without samples: what the registry compares names by."""
        return build_families(())


# A name can be registered once in a registry, which cannot be asked who did.
_REGISTERED: WeakKeyDictionary[Registry, LastCollections] = WeakKeyDictionary()
_REGISTERING = threading.Lock()


def ensure_registered(registry: Registry) -> LastCollections:
    """Return where a registry's collections go.

    Raises InvalidRequest where a metric of ours has the name of one that is there.
    """
    with _REGISTERING:
        if registry not in _REGISTERED:
            last = LastCollections()
            try:
                registry.register(last)
            except ValueError as error:
                raise InvalidRequest(
                    "the registry has metrics of these names", str(error), "pass another registry"
                ) from error
            _REGISTERED[registry] = last
        return _REGISTERED[registry]


def check_metrics_path(path: str) -> None:
    """Raise for a file that could not be written, or that node_exporter would pass over."""
    from kubectl_snapshot.clients.files.outputfile import check_writable

    if not path.endswith(ENDING):
        raise InvalidRequest(
            f"{path} is no file of metrics",
            why=f"node_exporter reads what ends in {ENDING} and nothing else",
            hint=f"use --metrics-file /var/lib/node_exporter/snapshot{ENDING}",
        )
    check_writable(path)


def write_metrics(path: str, collection: Collection) -> None:
    """Write a file of the textfile collector, whole or not at all, that others can read."""
    from kubectl_snapshot.clients.files.outputfile import write_whole

    write_whole(path, render_metrics(collection), MODE)


def render_metrics(collection: Collection) -> str:
    """Return a collection in Prometheus' text format."""
    from prometheus_client import generate_latest

    last = LastCollections()
    last.add(collection)
    return generate_latest(last).decode()


def build_families(collections: Iterable[Collection]) -> list[Any]:
    """Return all metric families, each with the samples of these collections."""
    from prometheus_client import Metric

    families = {name: Metric(name, text, "gauge") for name, (text, _) in METRICS.items()}
    for collection in collections:
        # A name from the environment may hold bytes that are no text.
        node = {"node": collection.node_name.encode("utf-8", "backslashreplace").decode()}
        for name, (_, read) in METRICS.items():
            for labels, value in read(collection):
                families[name].add_sample(name, {**node, **labels}, value)
    return list(families.values())
