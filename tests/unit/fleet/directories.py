"""Fleets in directories for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kubectl_snapshot.document.fleet.manifest import (
    CAPTURED,
    FAILED,
    FINISHED,
    FleetManifest,
    FleetNode,
    FleetRun,
)
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.fleet.files.directory import (
    CLUSTER,
    name_file,
    write_document,
    write_manifest,
)


def write_fleet(
    path: Path,
    snapshots: Mapping[str, Snapshot],
    failed: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    state: str = FINISHED,
    run: FleetRun | None = None,
) -> str:
    """Write a fleet; `labels` are entries of NodeTopology.label. Return its path."""
    (path / "nodes").mkdir(parents=True)
    nodes = [
        FleetNode(
            name,
            CAPTURED,
            file=name_file(name),
            sha256=write_document(str(path), name_file(name), snapshot),
        )
        for name, snapshot in snapshots.items()
    ]
    nodes += [FleetNode(name, FAILED, "image pull", "no such image") for name in failed]
    if labels is not None:
        measurement = Measurement("NodeTopology", (Subtype("label", labels),))
        write_document(str(path), CLUSTER, Snapshot({"source-node": ""}, (measurement,)))
    manifest = FleetManifest(
        {"all-nodes": True},
        (run or FleetRun("run1", state=state),),
        nodes=tuple(nodes),
        cluster_file=CLUSTER if labels is not None else "",
    )
    write_manifest(str(path), manifest)
    return str(path)
