"""Group the nodes of a fleet by what they legitimately differ in. Pure.

By default these are hardware, node pool and OS image, each only if it splits the fleet cleanly: a
value that few nodes have makes no group, because it may be just what is wrong with them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.fleet.normalizer import VALUE
from kubectl_snapshot.document.fleet.votes import show_value, value_of
from kubectl_snapshot.document.rules.node_groups import iter_groups
from kubectl_snapshot.document.snapshot import TYPES
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.fleet.forms import Form, Reference
    from kubectl_snapshot.document.fleet.normalizer import Path
    from kubectl_snapshot.document.snapshot import Snapshot, Subtype

# Labels as cloud providers, Karpenter and NVIDIA's GPU feature discovery set them.
DEFAULT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("GPU product", ("nvidia.com/gpu.product", "GPU.device.model", "GPU.smi.gpu.model")),
    (
        "instance type",
        ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"),
    ),
    (
        "node pool",
        (
            "cloud.google.com/gke-nodepool",
            "eks.amazonaws.com/nodegroup",
            "kubernetes.azure.com/agentpool",
            "karpenter.sh/nodepool",
        ),
    ),
    ("OS image", ("K8s.node.os-image", "OS.release.PRETTY_NAME")),
)
# The least nodes of a group: this number, and this share of the fleet.
MIN_GROUP, MIN_SHARE = 3, 0.02

# The values of one attribute, by node; a node without one is not in it.
Values = dict[str, str]


class Group(NamedTuple):
    """Nodes that are compared with each other; `values` are in the order of the titles."""

    values: tuple[str, ...]
    nodes: tuple[str, ...]


class Grouping(NamedTuple):
    """The groups, the largest first. `sources` are the label or reading of each title.

    `is_default`: nobody asked for them.

    `strays` are nodes whose own values are too rare for a group; they are in the closest one.
    """

    titles: tuple[str, ...]
    groups: tuple[Group, ...]
    sources: tuple[str, ...] = ()
    is_default: bool = True
    strays: tuple[str, ...] = ()


class FleetFacts(NamedTuple):
    """Facts of a fleet's nodes; `labels` is NodeTopology.label, None if not captured."""

    forms: Mapping[str, Form]
    references: Sequence[Reference]
    labels: Subtype | None = None


def find_labels(cluster: Snapshot | None) -> Subtype | None:
    """Return the labels of all nodes in the cluster-wide facts."""
    measurements = cluster.measurements if cluster else ()
    topology = (m for m in measurements if m.type == "NodeTopology")
    return next((s for m in topology for s in m.subtypes if s.name == "label"), None)


def group_nodes(facts: FleetFacts, group_by: Sequence[str] = ()) -> Grouping:
    """Return the groups by labels or readings, or those that split the fleet cleanly.

    Raises InvalidRequest for a label or reading that no node has.
    """
    if group_by:
        found = {name: _read_values(facts, name) for name in group_by}
        for name, values in found.items():
            if not values:
                raise _explain_unknown(facts, name)
        keys = {n: tuple(v.get(n, "") for v in found.values()) for n in facts.forms}
        return Grouping(tuple(found), _build_groups(keys), tuple(found), is_default=False)
    least = max(MIN_GROUP, int(len(facts.forms) * MIN_SHARE))
    chosen, used = {}, []
    for title, sources in DEFAULT:
        values, source = max(((_read_values(facts, s), s) for s in sources), key=_count_values)
        if _splits_cleanly(values, least):
            chosen[title] = values
            used.append(source)
    keys = {n: tuple(v.get(n, "") for v in chosen.values()) for n in facts.forms}
    joined = _join_rare(keys, least)
    strays = tuple(node for node, key in keys.items() if joined[node] != key)
    return Grouping(tuple(chosen), _build_groups(joined), tuple(used), strays=strays)


def _count_values(found: tuple[Values, str]) -> int:
    return len(found[0])


def _splits_cleanly(values: Values, least: int) -> bool:
    """Return whether nearly all nodes are in two or more large groups."""
    large = [number for number in Counter(values.values()).values() if number >= least]
    return len(large) > 1 and sum(large) * 10 >= len(values) * 9


def _join_rare(keys: Mapping[str, tuple[str, ...]], least: int) -> dict[str, tuple[str, ...]]:
    """Return the keys with each rare one replaced by the large one that has most in common."""
    counts = Counter(keys.values())
    large = [key for key, number in counts.items() if number >= least]

    def find_closest(key: tuple[str, ...]) -> tuple[str, ...]:
        if key in large or not large:
            return key
        return max(large, key=lambda other: (_count_equal(key, other), counts[other], other))

    closest = {key: find_closest(key) for key in counts}
    return {node: closest[key] for node, key in keys.items()}


def _count_equal(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    return sum(a == b for a, b in zip(one, other))


def _build_groups(keys: Mapping[str, tuple[str, ...]]) -> tuple[Group, ...]:
    members: dict[tuple[str, ...], list[str]] = {}
    for node, key in keys.items():
        members.setdefault(key, []).append(node)
    ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(Group(key, tuple(nodes)) for key, nodes in ordered)


def _read_values(facts: FleetFacts, source: str) -> Values:
    if is_reading(source):
        return _read_readings(facts, source)
    if facts.labels is None:
        return {}
    return {
        node: group.value
        for group in iter_groups(facts.labels, "label", source)
        for node in group.nodes
        if node in facts.forms
    }


def is_reading(source: str) -> bool:
    """Return whether a user means a reading, and not a label such as `kubernetes.io/os`."""
    return source.partition(".")[0] in TYPES


def _read_readings(facts: FleetFacts, source: str) -> Values:
    paths = [_find_path(reference, source) for reference in facts.references]
    found = {}
    for node, form in facts.forms.items():
        path = paths[form.reference]
        value = value_of(form, facts.references[form.reference], path) if path else ""
        if value[:1] == VALUE:
            found[node] = show_value(value) or ""
    return found


def _find_path(reference: Reference, source: str) -> Path | None:
    """Return subtype and key of a path; the longest name of a subtype counts."""
    names = (name for name in reference.subtypes if source.startswith(f"{name}."))
    name = max(names, key=len, default="")
    return (name, source[len(name) + 1 :]) if name else None


def _explain_unknown(facts: FleetFacts, name: str) -> InvalidRequest:
    if is_reading(name):
        hint = "list the paths with `kubectl snapshot query DIR`"
        return InvalidRequest(f"no node has a comparable reading {name}", hint=hint)
    if facts.labels is None:
        why = "the fleet was captured without the nodes' labels"
        return InvalidRequest(f"no node has the label {name}", why, "group by a reading")
    known = [key for key in facts.labels.data if "hostname" not in key]
    rest = f"nodes have {', '.join(known[:5])}" if known else ""
    return InvalidRequest(f"no node has the label {name}", hint=suggest(name, known, rest))
