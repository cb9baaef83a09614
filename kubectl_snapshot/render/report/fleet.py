"""Format `html` of a fleet: coverage, outliers by group, and which nodes differ in what. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.change import ADDED, REMOVED
from kubectl_snapshot.document.diff.direction import natural_key
from kubectl_snapshot.document.diff.grouping import group_numbered
from kubectl_snapshot.render.fleet.text import describe_group, describe_set
from kubectl_snapshot.render.report.page import anchor, render_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.document.diff.change import Change
    from kubectl_snapshot.document.fleet.manifest import FleetManifest
    from kubectl_snapshot.document.fleet.outliers import FleetDiff, FleetGroup, OutlierSet
    from kubectl_snapshot.document.snapshot import Scalar

TEMPLATE = "fleet.html.j2"
# What a page of a large fleet shows of each group and set, and of the map.
MAX_SETS, MAX_ROWS, MAX_COLUMNS, MAX_NODES = 100, 100, 24, 1000


class Row(NamedTuple):
    """One reading; None is a missing value."""

    path: str
    kind: str
    before: Scalar | None
    after: Scalar | None
    note: str


def render_fleet_report(
    diff: FleetDiff, manifest: FleetManifest, links: Mapping[str, str] | None = None
) -> str:
    """Return the page of a fleet; deterministic. `links` are the pages of nodes, by name."""
    by_reason = sorted(diff.missing, key=lambda one: one[1])
    variables = {
        "diff": diff,
        "links": links or {},
        "run": manifest.runs[-1] if manifest.runs else None,
        "counts": list(manifest.counts.items()),
        "different": sum(len(group.different) for group in diff.groups),
        "missing": [
            (reason, [node for node, _ in found])
            for reason, found in groupby(by_reason, key=lambda one: one[1])
        ],
        "groups": [_build_group(diff, group, place) for place, group in enumerate(diff.groups)],
        "heat": _build_map(diff),
    }
    return render_page(TEMPLATE, variables)


def _build_group(diff: FleetDiff, group: FleetGroup, place: int) -> dict[str, object]:
    title = describe_group(diff, group) or "All nodes"
    return {
        "id": anchor(f"_group-{place}"),
        "title": title,
        "nodes": len(group.nodes),
        "sets": [_build_set(outlier) for outlier in group.outliers[:MAX_SETS]],
        "more": max(0, len(group.outliers) - MAX_SETS),
        "splits": [
            {
                "sizes": [len(nodes) for nodes in split.nodes],
                "readings": split.readings[:MAX_ROWS],
                "smallest": split.nodes[-1],
            }
            for split in group.splits[:MAX_SETS]
        ],
        "unknown": group.unknown[:MAX_SETS],
        "own": group.own[:MAX_ROWS],
    }


def _build_set(outlier: OutlierSet) -> dict[str, object]:
    rows = [row for change in group_numbered(outlier.changes) for row in _build_rows(change)]
    return {
        "title": describe_set(outlier),
        "nodes": outlier.nodes,
        "rows": rows[:MAX_ROWS],
        "more": max(0, len(rows) - MAX_ROWS),
    }


def _build_rows(change: Change) -> Iterator[Row]:
    """Yield a change; one of a whole subtype or device is one row with its number of values."""
    if not change.values:
        yield Row(change.path, change.kind, change.before, change.after, change.note)
        return
    text = f"{len(change.values)} values"
    before = None if change.kind == ADDED else text
    after = None if change.kind == REMOVED else text
    yield Row(change.path, change.kind, before, after, change.note)


def _build_map(diff: FleetDiff) -> dict[str, object]:
    """Return the most telling changes as columns, and the nodes that differ as rows."""
    sets = sorted((o for g in diff.groups for o in g.outliers), key=lambda one: -one.score)
    columns: dict[str, None] = {}
    differing: dict[str, set[str]] = {}
    for outlier in sets:
        paths = [change.path for change in group_numbered(outlier.changes)]
        columns.update(dict.fromkeys(paths))
        for node in outlier.nodes:
            differing.setdefault(node, set()).update(paths)
    shown = [*columns][:MAX_COLUMNS]
    nodes = sorted(differing, key=lambda node: (-len(differing[node]), natural_key(node)))
    rows = [(node, [path in differing[node] for path in shown]) for node in nodes[:MAX_NODES]]
    return {"columns": shown, "rows": rows, "more": max(0, len(nodes) - MAX_NODES)}
