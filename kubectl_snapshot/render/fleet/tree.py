"""Render the outliers of a fleet, or its drift, as JSON or YAML; nothing is left out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.render.diff_tree import build_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kubectl_snapshot.document.fleet.drift import FleetDrift
    from kubectl_snapshot.document.fleet.outliers import FleetDiff, FleetGroup, OutlierSet


def render_tree(name: str, tree: Mapping[str, object]) -> str:
    """Return a tree in the format `json` or `yaml`."""
    if name == "json":
        from kubectl_snapshot.document.codec import json_codec

        return json_codec.render_tree(tree)
    from kubectl_snapshot.document.codec.yaml import codec as yaml_codec

    return yaml_codec.render_tree(tree)


def build_outliers(diff: FleetDiff) -> dict[str, object]:
    """Return the outliers as maps and lists."""
    return {
        "fleet": diff.source,
        "baseline": diff.baseline,
        "grouped-by": list(diff.grouping.titles),
        "groups": [_build_group(diff, group) for group in diff.groups],
        "not-compared": _build_missing(diff.missing),
    }


def build_drift(drift: FleetDrift) -> dict[str, object]:
    """Return the drift as maps and lists."""
    return {
        "before": drift.sources[0],
        "after": drift.sources[1],
        "compared": drift.compared,
        "new": list(drift.added),
        "gone": list(drift.removed),
        "changed": [_build_set(changed) for changed in drift.changed],
        "unknown": _build_unknown(drift.unknown),
        "not-compared": _build_missing(drift.missing),
    }


def _build_group(diff: FleetDiff, group: FleetGroup) -> dict[str, object]:
    return {
        "group": dict(zip(diff.grouping.titles, group.values)),
        "nodes": len(group.nodes),
        "base": group.base,
        "outliers": [_build_set(outlier) for outlier in group.outliers],
        "no-majority": [
            {
                "readings": [path for path, _ in split.readings],
                "parts": [
                    {
                        "nodes": list(nodes),
                        "values": {
                            path: values[place]
                            for path, values in split.readings
                            if values[place] is not None
                        },
                    }
                    for place, nodes in enumerate(split.nodes)
                ],
            }
            for split in group.splits
        ],
        "unknown": _build_unknown(group.unknown),
        "own-values": list(group.own),
    }


def _build_set(outlier: OutlierSet) -> dict[str, object]:
    return {
        "nodes": list(outlier.nodes),
        "others": outlier.agreeing,
        "score": outlier.score,
        "changes": [build_change(change) for change in outlier.changes],
    }


def _build_unknown(
    unknown: Iterable[tuple[Sequence[str], str, Sequence[str]]],
) -> list[dict[str, object]]:
    return [
        {"paths": list(paths), "reason": reason, "nodes": list(nodes)}
        for paths, reason, nodes in unknown
    ]


def _build_missing(missing: Sequence[tuple[str, str]]) -> list[dict[str, object]]:
    return [{"node": node, "reason": reason} for node, reason in missing]
