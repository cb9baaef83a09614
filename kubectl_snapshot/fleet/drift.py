"""Compare two directories of one fleet: what changed on each node between two captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.selection import Selection
from kubectl_snapshot.document.fleet.drift import NodeComparer, build_drift
from kubectl_snapshot.errors import InvalidRequest, SnapshotError
from kubectl_snapshot.fleet.outliers import explain_missing

if TYPE_CHECKING:
    from kubectl_snapshot.document.diff.change import Change
    from kubectl_snapshot.document.fleet.drift import FleetDrift
    from kubectl_snapshot.fleet.fleet import Fleet


def find_drift(before: Fleet, after: Fleet, selection: Selection | None = None) -> FleetDrift:
    """Return the nodes that are new, gone and changed; InvalidRequest if none is in both."""
    comparer = NodeComparer(REGISTRY, selection or Selection())
    sides = [{node.name: node for node in fleet.manifest.nodes} for fleet in (before, after)]
    changes: dict[str, tuple[Change, ...]] = {}
    missing = {}
    for name in sides[0].keys() & sides[1].keys():
        pair = [side[name] for side in sides]
        without = [explain_missing(node) for node in pair if not node.has_file]
        if without:
            missing[name] = without[0]
        elif pair[0].sha256 == pair[1].sha256 != "":
            changes[name] = ()
        else:
            try:
                documents = [fleet.read_node(name) for fleet in (before, after)]
                changes[name] = comparer.compare(*documents)
            except SnapshotError as error:
                missing[name] = ": ".join(filter(None, (error.what, error.why)))
    if not sides[0].keys() & sides[1].keys():
        what = f"{before.directory} and {after.directory} have no node in common"
        raise InvalidRequest(what, hint="is one of them of another cluster?")
    names = (sides[0], sides[1])
    sources = (before.directory, after.directory)
    return build_drift(sources, names, changes, comparer, REGISTRY, missing.items())
