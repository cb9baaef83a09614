"""Which documents of an earlier run stay when a fleet is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.fleet.manifest import (
    CAPTURED,
    PARTIAL,
    RUNNING,
    FleetManifest,
    FleetNode,
)
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.fleet.files.directory import has_digest, name_file, read_head
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.fleet.planning.selection import KnownNode


def choose_kept(
    directory: str, known: Iterable[KnownNode], before: FleetManifest
) -> dict[str, FleetNode]:
    """Return the entries that stay, by node: of the same node and boot, with an intact document.

    A run that was killed has written documents that its manifest does not list yet; they stay, too.
    """
    entries = {entry.name: entry for entry in before.nodes}
    killed = {run.run_id for run in before.runs if run.state == RUNNING}
    kept = {}
    for node in known:
        entry = entries.get(node.name)
        if entry is None or (entry.uid, entry.boot_id) != (node.uid, node.boot_id):
            continue
        if not entry.has_file:
            entry = _adopt(directory, entry, killed)
        elif not has_digest(directory, entry.file, entry.sha256):
            entry = None
        if entry is not None:
            kept[node.name] = entry
    return kept


def _adopt(directory: str, entry: FleetNode, killed: set[str]) -> FleetNode | None:
    """Return the entry of a document that a killed run wrote and did not list."""
    file = name_file(entry.name)
    try:
        snapshot, digest = read_head(directory, file)
    except SnapshotError:
        return None
    run_id = snapshot.metadata.get("run-id", "")
    if run_id not in killed or snapshot.metadata.get("source-node") != entry.name:
        return None
    return build_entry(entry.name, snapshot, file, digest, run_id, entry)


def build_entry(
    name: str,
    snapshot: Snapshot,
    file: str,
    digest: str,
    run_id: str,
    entry: FleetNode | None = None,
) -> FleetNode:
    """Return the entry of a node's document."""
    found = snapshot.metadata.get("gaps", "")
    base = entry or FleetNode(name, CAPTURED)
    return replace(
        base,
        status=PARTIAL if found else CAPTURED,
        cause="gaps" if found else "",
        reason="",
        file=file,
        sha256=digest,
        gaps=found,
        run_id=run_id,
    )


def list_departed(names: Iterable[str], before: FleetManifest) -> list[FleetNode]:
    """Return the entries with documents of nodes that are no longer selected."""
    current = set(names)
    return [entry for entry in before.nodes if entry.has_file and entry.name not in current]
