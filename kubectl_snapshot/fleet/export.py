"""The rows of a fleet, or of one snapshot, one document in memory at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.fleet.export_rows import (
    Origin,
    build_status,
    build_unreadable,
    index_labels,
)
from kubectl_snapshot.document.fleet.grouping import find_labels
from kubectl_snapshot.document.fleet.manifest import CAPTURED, PARTIAL, FleetNode
from kubectl_snapshot.document.fleet.node_part import keep_cluster, keep_node
from kubectl_snapshot.document.snapshot import Snapshot, gaps
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubectl_snapshot.document.fleet.export_rows import Labels, Row, RowBuilder
    from kubectl_snapshot.document.fleet.manifest import FleetManifest
    from kubectl_snapshot.fleet.fleet import Fleet


def read_fleet_rows(
    fleet: Fleet, cluster: str, builder: RowBuilder, on_error: Callable[[SnapshotError], None]
) -> Iterator[Row]:
    """Yield the rows of the cluster-wide facts, then those of each node.

    A document that cannot be read is one row, with the reason, and is passed to `on_error`.
    """
    labels: Labels = {}
    try:
        facts = fleet.read_cluster()
    except SnapshotError as error:
        on_error(error)
        yield build_unreadable(_find_origin(fleet.manifest, cluster), _explain(error))
    else:
        if facts is not None:
            origin = _name_origin(facts, _find_origin(fleet.manifest, cluster))
            yield from _build_cluster_rows(facts, origin, builder)
            labels = index_labels(find_labels(facts))
    facts = None
    for node in fleet.manifest.nodes:
        origin = _find_origin(fleet.manifest, cluster, node)
        try:
            snapshot = fleet.read_node(node.name) if node.has_file else None
        except SnapshotError as error:
            on_error(error)
            yield build_unreadable(origin, _explain(error))
            continue
        yield from _build_node_rows(node, snapshot, origin, builder, labels)


def read_snapshot_rows(snapshot: Snapshot, cluster: str, builder: RowBuilder) -> Iterator[Row]:
    """Yield the rows of a snapshot as those of a fleet with one node."""
    origin = _name_origin(snapshot, Origin(None, None, cluster or None, None))
    yield from _build_cluster_rows(snapshot, origin, builder)
    name, missing = snapshot.metadata.get("source-node", ""), ",".join(gaps(snapshot))
    node = FleetNode(name, PARTIAL if missing else CAPTURED, gaps=missing)
    labels = index_labels(find_labels(snapshot))
    yield from _build_node_rows(node, snapshot, origin._replace(node=name), builder, labels)


def _build_cluster_rows(facts: Snapshot, origin: Origin, builder: RowBuilder) -> Iterator[Row]:
    of_cluster = keep_cluster(facts)
    yield from builder.build(origin, Snapshot(measurements=of_cluster.measurements))
    yield from builder.build_label_gaps(origin, find_labels(facts))


def _build_node_rows(
    node: FleetNode, snapshot: Snapshot | None, origin: Origin, builder: RowBuilder, labels: Labels
) -> Iterator[Row]:
    if snapshot is not None:
        origin = _name_origin(snapshot, origin)
    yield build_status(origin, node)
    yield from builder.build_labels(origin, labels)
    if snapshot is not None:
        yield from builder.build(origin, keep_node(snapshot))


def _find_origin(manifest: FleetManifest, cluster: str, node: FleetNode | None = None) -> Origin:
    """Return the origin that the manifest knows: of a node's own run, or else of the last one."""
    own = (run for run in manifest.runs if node is not None and run.run_id == node.run_id)
    run = next(own, manifest.runs[-1] if manifest.runs else None)
    run_id, started = (run.run_id, run.started) if run else ("", "")
    return Origin(run_id or None, started or None, cluster or None, node.name if node else None)


def _name_origin(snapshot: Snapshot, origin: Origin) -> Origin:
    """Return the origin with what the document itself says."""
    metadata = snapshot.metadata
    run, time = metadata.get("run-id") or origin.run, metadata.get("timestamp") or origin.time
    return origin._replace(run=run, time=time)


def _explain(error: SnapshotError) -> str:
    return ": ".join(filter(None, (error.what, error.why)))
