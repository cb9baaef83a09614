"""The taints and labels of all nodes as records (`items`), as AICR writes them since v0.22. Pure.

They repeat the readings without their ambiguity: a reading `a.b` may be label `a` with value `b`,
or label `a.b`. node_topology writes the latter into the context, too, so that this is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.snapshot import GAP_STATUSES, Item
from kubectl_snapshot.records import NamedTuple
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE, TAINT, LABEL = "NodeTopology", "taint", "label"
# In the context of what this program has read.
ELAPSED = "elapsed-ms"
# `--max-nodes-per-entry` shortens a list of nodes to `a,b (+7 more)`.
SHORTENED = compile_late(r" \(\+(\d+) more\)$")
# In the context before a label that differs on every node; the text is the number of values.
PER_NODE = "per-node."
# The names of all nodes, where a label is a count.
NODES = "nodes"
# A group in the context, `<key of the reading>#<number>`.
IN_CONTEXT = compile_late(r"#\d+$")


class TopologyGroup(NamedTuple):
    """The nodes that share a taint or label, as written; a label has no effect."""

    key: str
    effect: str
    value: str
    nodes: str

    @property
    def node_count(self) -> int:
        """Return the number of nodes, with those that the list leaves out."""
        more = SHORTENED.search(self.nodes)
        listed = self.nodes[: more.start()] if more else self.nodes
        return len(listed.split(",")) * bool(listed) + (int(more[1]) if more else 0)


def build_items(subtype: Subtype) -> tuple[Item, ...]:
    """Return the records of NodeTopology.taint or .label, sorted as AICR sorts them.

    None for a subtype that was not read whole, and for another program's, which may have lost some.
    """
    if subtype.status in GAP_STATUSES or ELAPSED not in subtype.context:
        return ()
    return tuple(_build_item(group) for group in sorted(iter_all(subtype)))


def iter_all(subtype: Subtype) -> Iterator[TopologyGroup]:
    """Yield every group of taints or labels, in no order."""
    explained = set()
    for name, text in subtype.context.items():
        words = text.split("|")
        if IN_CONTEXT.search(name) and len(words) == 4:
            explained.add(IN_CONTEXT.sub("", name))
            key, value, effect, nodes = words
            yield TopologyGroup(key, effect, value, nodes)
    for name, reading in subtype.data.items():
        if name not in explained:
            parse = _parse_taint if subtype.name == TAINT else _parse_label
            yield parse(name, str(reading))


def _parse_taint(name: str, text: str) -> TopologyGroup:
    """Parse `effect|value|nodes`, or `value|nodes` if the name ends in the effect."""
    *words, nodes = text.split("|")
    if len(words) > 1:
        return TopologyGroup(name, words[0], words[1], nodes)
    key, _, effect = name.rpartition(".")
    return TopologyGroup(key, effect, "".join(words), nodes)


def _parse_label(name: str, text: str) -> TopologyGroup:
    """Parse `value|nodes`; the name may end in the value."""
    value, _, nodes = text.partition("|")
    return TopologyGroup(
        name[: -len(value) - 1] if is_folded(name, value) else name, "", value, nodes
    )


def is_folded(name: str, value: str) -> bool:
    """Return whether a reading's name is read as `<label>.<value>`."""
    return name.endswith(f".{value}")


def _build_item(group: TopologyGroup) -> Item:
    effect = {"effect": group.effect} if group.effect else {}
    return Item(
        {"key": group.key, **effect, "value": group.value},
        {
            "node-count": group.node_count,
            "node-list": group.nodes,
            "truncated": SHORTENED.search(group.nodes) is not None,
        },
    )
