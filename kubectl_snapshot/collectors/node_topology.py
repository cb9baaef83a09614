"""Taints and labels of all nodes, each with the nodes that have it (type NodeTopology).

Keys and rules are those of contract section 2.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.collectors.kubernetes.fields import list_at, map_at, text_at
from kubectl_snapshot.collectors.kubernetes.node_counts import SPECS, NodeCounts
from kubectl_snapshot.collectors.run.context import CLUSTER, Context, Right, require_kube
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.registry import EVERY_KEY, INTEGER, STRING, UNSET, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.document.topology_items import NODES, PER_NODE, is_folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TYPE = "NodeTopology"
SCOPE = CLUSTER
RIGHTS = (
    Right("", "nodes", ("list",), purpose="NodeTopology: the taints and labels of all nodes."),
)
SUBTYPES = (
    SubtypeSpec(
        "summary",
        values=INTEGER,
        keys=("node-count", "taint-count", "label-count"),
        profile=REFERENCE,
    ),
    # Everybody in a cluster can read taints and labels; a value has at most 63 characters.
    *(
        SubtypeSpec(
            name,
            values=STRING,
            public=EVERY_KEY,
            lists_nodes=True,
            missing=UNSET,
            profile=REFERENCE,
        )
        for name in ("taint", "label")
    ),
    *SPECS,
)
DEADLINE_S = 90.0
# With a limit, a label of which more nodes have a value each is a count (ADR 0070).
MOST_VALUES = 100


class Group(NamedTuple):
    """A taint or a label that nodes share; a label has no effect."""

    key: str
    value: str
    effect: str = ""


# The names of the nodes of each group.
Groups = dict[Group, list[str]]


class Topology(NamedTuple):
    """The groups of all nodes."""

    taints: Groups
    labels: Groups


def collect(context: Context) -> Iterator[Subtype]:
    """Return the number of nodes, their taints, labels, versions and pools, all from one list."""
    nodes = require_kube(context).list_items(
        "/api/v1/nodes", doing="list the nodes", deadline=context.deadline
    )
    settings = context.settings
    folds = settings.profile != REFERENCE
    counts = NodeCounts({}, {})
    yield from build_topology(counts.note(nodes), settings.max_nodes_per_entry, folds)
    yield from counts.build()


def build_topology(
    nodes: Iterable[object], max_nodes: int = 0, folds: bool = True
) -> tuple[Subtype, ...]:
    """Return summary, taint and label of core/v1 Nodes, at most `max_nodes` names per entry.

    With such a limit, `folds` writes a label that differs on every node as a count.
    """
    node_count = 0
    topology = Topology({}, {})
    for node in nodes:
        node_count += 1
        _add_node(topology, node)
    taint = _build_entries("taint", topology.taints, max_nodes, folds)
    label = _build_entries("label", topology.labels, max_nodes, folds)
    counts = {
        "node-count": node_count,
        "taint-count": len(taint.data),
        "label-count": len(label.data),
    }
    return Subtype("summary", counts), taint, label


def _add_node(topology: Topology, node: object) -> None:
    name = text_at(node, "metadata", "name")
    for taint in list_at(node, "spec", "taints"):
        group = Group(*(text_at(taint, part) for part in ("key", "value", "effect")))
        topology.taints.setdefault(group, []).append(name)
    for key, value in map_at(node, "metadata", "labels").items():
        topology.labels.setdefault(Group(key, str(value)), []).append(name)


def _build_entries(
    name: str, groups: Mapping[Group, list[str]], max_nodes: int, folds: bool
) -> Subtype:
    """Return the entries of all groups; if several have one key, the context has all of them.

    It also has a label whose entry would be read as another one with this value, and the number of
    values of a label that differs on every node, if names are limited; the nodes' names then are
    there, once.
    """
    counts = _count_own(groups) if max_nodes and folds else {}
    names = {name for group, nodes in groups.items() if group.key in counts for name in nodes}
    groups = {group: nodes for group, nodes in groups.items() if group.key not in counts}
    unique = _unique_keys(groups)
    entries: dict[str, list[tuple[Group, str]]] = {}
    for group in sorted(groups):
        nodes = _name_nodes(groups[group], max_nodes)
        entries.setdefault(_entry_key(group, unique), []).append((group, nodes))
    data = {key: _entry_value(*found[0], unique) for key, found in entries.items()}
    collisions = {
        f"{key}#{number}": "|".join((*group, nodes))
        for key, found in entries.items()
        if len(found) > 1 or _is_misread(found[0][0], unique)
        for number, (group, nodes) in enumerate(found, 1)
    }
    own = {f"{PER_NODE}{key}": str(number) for key, number in counts.items()}
    every = {NODES: ",".join(sorted(names))} if names else {}
    return Subtype(name, data, {**collisions, **own, **every})


def _count_own(groups: Mapping[Group, list[str]]) -> dict[str, int]:
    """Return the labels with many values, each of one node, and how many these are."""
    counts: dict[str, int] = {}
    shared = set()
    for group, nodes in groups.items():
        counts[group.key] = counts.get(group.key, 0) + 1
        if group.effect or len(nodes) > 1:
            shared.add(group.key)
    return {key: n for key, n in counts.items() if n > MOST_VALUES and key not in shared}


def _unique_keys(groups: Iterable[Group]) -> set[str]:
    """Return the keys of exactly one group."""
    several: set[str] = set()
    unique: set[str] = set()
    for group in groups:
        (several if group.key in unique else unique).add(group.key)
    return unique - several


def _is_misread(group: Group, unique: set[str]) -> bool:
    return not group.effect and group.key in unique and is_folded(group.key, group.value)


def _entry_key(group: Group, unique: set[str]) -> str:
    return group.key if group.key in unique else f"{group.key}.{group.effect or group.value}"


def _entry_value(group: Group, nodes: str, unique: set[str]) -> str:
    has_effect = group.effect and group.key in unique
    return "|".join((group.effect, group.value, nodes) if has_effect else (group.value, nodes))


def _name_nodes(names: list[str], max_nodes: int) -> str:
    ordered = sorted(names)
    if 0 < max_nodes < len(ordered):
        return f"{','.join(ordered[:max_nodes])} (+{len(ordered) - max_nodes} more)"
    return ",".join(ordered)
