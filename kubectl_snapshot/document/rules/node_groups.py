"""The labels and taints of the snapshot's own node, out of those of all nodes. Pure.

NodeTopology has an entry for each label and taint, `value|node,node` or `effect|value|node,node`;
its key ends in `.<value>` or `.<effect>` where there are several of one name (contract 2.5). The
context has `key|value|effect|node,node` of those that still have one key.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.known_paths import Missing, find_subtypes
from kubectl_snapshot.document.paths import describe_status
from kubectl_snapshot.document.registry import UNSET
from kubectl_snapshot.document.snapshot import OK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Snapshot, Subtype

TYPE, TAINT = "NodeTopology", "taint"
# `--max-nodes-per-entry` shortens a list of nodes to `a,b (+7 more)`.
SHORTENED = re.compile(r" \(\+\d+ more\)$")


class NodeGroup(NamedTuple):
    """The nodes that share a label or taint; shortened ones are not all."""

    value: str
    nodes: tuple[str, ...]
    is_shortened: bool


class LabelEntry(NamedTuple):
    """A label with one of its values, and the nodes that have it."""

    key: str
    group: NodeGroup


def find_on_node(snapshot: Snapshot, kind: str, key: str) -> str | Missing:
    """Return the value of a label, or the effect of a taint, of the snapshot's own node.

    `kind` is `label` or `taint`. Missing where it is not known, or known not to be set (UNSET).
    """
    node = snapshot.metadata.get("source-node", "")
    if not node:
        return Missing("the snapshot does not tell its node (metadata.source-node)")
    path = f"{TYPE}.{kind}"
    subtype = find_subtypes(snapshot, path).get(path)
    if subtype is None:
        return Missing(f"the snapshot has no {path}")
    entries = list(iter_groups(subtype, kind, key))
    values = sorted({entry.value for entry in entries if node in entry.nodes})
    if values:
        return ",".join(values)
    if subtype.status != OK:
        return Missing(describe_status(TYPE, subtype))
    if any(entry.is_shortened for entry in entries):
        return Missing(f"{path} does not list all nodes (--max-nodes-per-entry)")
    return Missing(f"node {node} has no {kind} {key}", UNSET)


def iter_groups(subtype: Subtype, kind: str, key: str) -> Iterator[NodeGroup]:
    """Yield the entries of a label or taint; where several have one key, the context has all."""
    explained = set()
    for name, text in subtype.context.items():
        words = text.split("|")
        if len(words) == 4:
            explained.add(name.rpartition("#")[0])
            if words[0] == key:
                yield _build_group(words[2] if kind == TAINT else words[1], words[3])
    for name, reading in subtype.data.items():
        *words, nodes = str(reading).split("|")
        if name in explained:
            continue
        if name == key:
            yield _build_group(words[0] if words else "", nodes)
        elif name.startswith(f"{key}."):
            value = name[len(key) + 1 :]
            if kind == TAINT or value == "|".join(words):
                yield _build_group(value, nodes)


def read_labels(subtype: Subtype) -> Iterator[LabelEntry]:
    """Yield every label of NodeTopology.label, an entry for each of its values.

    A name that ends in its own value is a label of several values if another name does, too.
    """
    explained = set()
    prefixes: Counter[str] = Counter()
    for name, text in subtype.context.items():
        words = text.split("|")
        if len(words) == 4:
            explained.add(name.rpartition("#")[0])
            prefixes[words[0]] += 1
            yield LabelEntry(words[0], _build_group(words[1], words[3]))
    read = ((name, reading) for name, reading in subtype.data.items() if name not in explained)
    entries = [(name, *_split_last(str(reading))) for name, reading in read]
    prefixes.update(n[: -len(v) - 1] for n, v, _ in entries if n.endswith(f".{v}"))
    for name, value, nodes in entries:
        prefix = name[: -len(value) - 1] if name.endswith(f".{value}") else ""
        yield LabelEntry(prefix if prefixes[prefix] > 1 else name, _build_group(value, nodes))


def _split_last(reading: str) -> tuple[str, str]:
    value, _, nodes = reading.rpartition("|")
    return value, nodes


def _build_group(value: str, nodes: str) -> NodeGroup:
    listed = SHORTENED.sub("", nodes)
    return NodeGroup(value, tuple(listed.split(",")), listed != nodes)
