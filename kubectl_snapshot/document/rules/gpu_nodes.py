"""Labels that all GPU nodes, or none, must have: `NodeTopology.gpu-nodes.label KEY=VALUE`. Pure.

The path is no reading: AICR's pkg/constraints defines it since it left v0.18. GPU nodes are those
with GKE's accelerator label, which a node has before any operator runs. What does not list all
nodes, or may mean two labels, is unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.known_paths import Missing, find_subtypes
from kubectl_snapshot.document.paths import describe_status
from kubectl_snapshot.document.rules.node_groups import TYPE, NodeGroup, iter_groups
from kubectl_snapshot.document.snapshot import GAP_STATUSES
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Snapshot, Subtype

PATH = f"{TYPE}.gpu-nodes.label"
ACCELERATOR = "cloud.google.com/gke-accelerator"
LABELS = f"{TYPE}.label"
SHOWN_NODES = 5
# Labels as in meta/v1 (k8s.io/apimachinery/pkg/util/validation).
NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
DOMAIN = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
CONDITION = re.compile(rf"(?:!\s*((?:{DOMAIN}/)?{NAME})|((?:{DOMAIN}/)?{NAME})=({NAME}|))")


class LabelCondition(NamedTuple):
    """The label that every GPU node must have; without a value, that none may have."""

    key: str
    value: str | None


class GpuNodes(NamedTuple):
    """How many GPU nodes there are, and the names of those that break the condition."""

    total: int
    breaking: tuple[str, ...]

    @property
    def text(self) -> str:
        if not self.breaking:
            return f"true of all {self.total} GPU nodes"
        more = len(self.breaking) - SHOWN_NODES
        names = ", ".join(self.breaking[:SHOWN_NODES]) + (f" and {more} more" if more > 0 else "")
        return f"false of {len(self.breaking)} of {self.total} GPU nodes: {names}"


def parse_condition(text: str) -> LabelCondition:
    """Return the condition in `key=value` or `!key`; raise InvalidRequest for another text."""
    match = CONDITION.fullmatch(text.strip())
    if match is None:
        raise InvalidRequest(
            f"invalid condition on labels {text.strip()!r}",
            hint="write it as KEY=VALUE (every GPU node has it) or !KEY (none has the key)",
        )
    return LabelCondition(match[1], None) if match[1] else LabelCondition(match[2], match[3])


def find_breaking_nodes(snapshot: Snapshot, condition: LabelCondition) -> GpuNodes | Missing:
    """Return the GPU nodes that break a condition; Missing where that is not known."""
    subtype = find_subtypes(snapshot, LABELS).get(LABELS)
    if subtype is None:
        return Missing(f"the snapshot has no {LABELS}")
    if subtype.status in GAP_STATUSES:
        return Missing(describe_status(TYPE, subtype))
    found = [_read_label(subtype, key) for key in (ACCELERATOR, condition.key)]
    for groups in found:
        if isinstance(groups, Missing):
            return groups
    accelerators, labels = (g for g in found if not isinstance(g, Missing))
    gpu_nodes = sorted({node for group in accelerators for node in group.nodes})
    if not gpu_nodes:
        return Missing(f"no node has the label {ACCELERATOR}")
    having = {node for g in labels for node in g.nodes if condition.value in (None, g.value)}
    is_wanted = condition.value is not None
    breaking = tuple(node for node in gpu_nodes if (node in having) != is_wanted)
    return GpuNodes(len(gpu_nodes), breaking)


def _read_label(subtype: Subtype, key: str) -> list[NodeGroup] | Missing:
    """Return the nodes of each value of a label; Missing if some are not told, or in doubt."""
    groups = list(iter_groups(subtype, "label", key))
    if any(group.is_shortened for group in groups):
        return Missing(f"{LABELS} does not list all nodes of {key} (--max-nodes-per-entry)")
    nodes = [node for group in groups for node in group.nodes]
    # `a.b` may be label `a` with value `b`, of which there is never one alone, or another label.
    is_folded = key not in subtype.data
    if len(nodes) != len(set(nodes)) or (is_folded and len(groups) == 1):
        return Missing(f"{LABELS} may mean another label by {key}.<value>")
    return groups
