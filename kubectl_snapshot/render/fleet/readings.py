"""Render readings of a fleet's nodes: the values of each node, or the nodes of each value. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.render.columns import render_columns
from kubectl_snapshot.render.fleet.text import SHOWN_NODES, name_nodes
from kubectl_snapshot.render.fleet.tree import render_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.document.snapshot import Scalar

    # The readings of each node, by the path that was asked for.
    ByNode = Mapping[str, Mapping[str, Mapping[str, Scalar]]]

# A node, or a reading of it, without a value.
NONE = "-"


def render_nodes(name: str, found: ByNode, width: int = 0) -> str:
    """Return a line for each value of each node: node, path and value; or a tree by node."""
    if name in ("json", "yaml"):
        tree = {node: _flatten(readings) for node, readings in found.items()}
        return render_tree(name, tree)
    rows = [
        (node, path, text_of(value))
        for node, readings in found.items()
        for path, value in (_flatten(readings) or {NONE: NONE}).items()
    ]
    is_one_path = len({path for _, path, _ in rows if path != NONE}) < 2
    if name == "value":
        return render_columns([(node, value) for node, _, value in rows])
    head = ("NODE", "VALUE") if is_one_path else ("NODE", "PATH", "VALUE")
    shown = [(node, value) if is_one_path else (node, path, value) for node, path, value in rows]
    return _fit(render_columns([head, *shown]), width)


def render_groups(name: str, found: ByNode, width: int = 0) -> str:
    """Return the nodes of each value of each reading, the most frequent value first."""
    groups = list(_group(found))
    if name in ("json", "yaml"):
        parts = [{"path": p, "value": v, "nodes": nodes} for p, v, nodes in groups]
        kept = [{key: value for key, value in part.items() if value is not None} for part in parts]
        return render_tree(name, {"values": kept})
    limit = SHOWN_NODES if name == "table" and width else len(found) + 1
    rows = [
        (path, NONE if value is None else text_of(value), str(len(nodes)), name_nodes(nodes, limit))
        for path, value, nodes in groups
    ]
    text = render_columns([("PATH", "VALUE", "NODES", "NAMES"), *rows])
    return _fit(text, width) if name == "table" else text


def _group(found: ByNode) -> Iterator[tuple[str, Scalar | None, list[str]]]:
    """Yield path, value and nodes; None is no value."""
    flat = {node: _flatten(readings) for node, readings in found.items()}
    for path in dict.fromkeys(path for readings in flat.values() for path in readings):
        nodes: dict[tuple[type, Scalar | None], list[str]] = {}
        for node, readings in flat.items():
            value = readings.get(path)
            nodes.setdefault((type(value), value), []).append(node)
        for (_, value), names in sorted(nodes.items(), key=lambda item: -len(item[1])):
            yield path, value, names


def _flatten(readings: Mapping[str, Mapping[str, Scalar]]) -> dict[str, Scalar]:
    return {path: value for found in readings.values() for path, value in found.items()}


def _fit(text: str, width: int) -> str:
    if not width:
        return text
    lines = text.splitlines()
    return "".join(f"{x if len(x) <= width else x[: width - 1] + '…'}\n" for x in lines)
