"""The nodes of a group that differ from most others, in what, the most telling first. Pure.

Which nodes differ at which paths is known from their forms; what the difference is, `diff` says of
one node for each set of nodes that differ in the same way.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.change import UNKNOWN as UNKNOWN_KIND
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.diff.direction import natural_key
from kubectl_snapshot.document.diff.ranking import find_ranks, list_ranks, sort_by_rank
from kubectl_snapshot.document.diff.selection import Selection, is_selected, may_be_selected
from kubectl_snapshot.document.fleet.node_part import keep_node, keep_subtypes
from kubectl_snapshot.document.fleet.normalizer import CONTEXT, MISSING, VALUE
from kubectl_snapshot.document.fleet.votes import (
    Standard,
    build_standard,
    find_deviations,
    find_split,
    show_value,
    vote,
)
from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.registry import HEALTH, STOPPED, VERSION
from kubectl_snapshot.document.registry import MISSING as MISSING_RANK
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import Measurement, Subtype
from kubectl_snapshot.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kubectl_snapshot.document.diff.change import Change
    from kubectl_snapshot.document.fleet.forms import Form, FormBuilder
    from kubectl_snapshot.document.fleet.grouping import Group, Grouping
    from kubectl_snapshot.document.fleet.normalizer import Path
    from kubectl_snapshot.document.fleet.votes import Vote
    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

    Read = Callable[[str], Snapshot]
    Deviations = frozenset[tuple[Path, str]]

# How much more a change of a declared rank says than one of any other reading.
WEIGHTS = {MISSING_RANK: 8.0, HEALTH: 6.0, STOPPED: 5.0, VERSION: 4.0}


class OutlierSet(NamedTuple):
    """Nodes that differ from `agreeing` others in the same changes, the most telling first."""

    nodes: tuple[str, ...]
    agreeing: int
    changes: tuple[Change, ...]
    score: float


class SplitSet(NamedTuple):
    """Readings that split a group in the same way, without a majority.

    `nodes` are the nodes of each part; each reading is a path and the value of each part, None if
    it is not there.
    """

    nodes: tuple[tuple[str, ...], ...]
    readings: tuple[tuple[str, tuple[str | None, ...]], ...]


class UnknownSet(NamedTuple):
    """Subtypes, or readings, that are not known of some nodes, for one reason."""

    paths: tuple[str, ...]
    reason: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class FleetGroup:
    """The comparison of one group. `base` is the node that has the most common values.

    `own` are paths whose values differ on nearly every node.
    """

    values: tuple[str, ...]
    nodes: tuple[str, ...]
    base: str
    outliers: tuple[OutlierSet, ...] = ()
    splits: tuple[SplitSet, ...] = ()
    unknown: tuple[UnknownSet, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def different(self) -> tuple[str, ...]:
        """Return the nodes that differ in something."""
        found = dict.fromkeys(node for outlier in self.outliers for node in outlier.nodes)
        return tuple(sorted(found, key=natural_key))


@dataclass(frozen=True)
class FleetDiff:
    """The outliers of a fleet, by group.

    `missing` are the selected nodes without a document that could be read, with the reason;
    `baseline` is the source of the document that all were compared with, if not with each other.
    """

    source: str
    grouping: Grouping
    groups: tuple[FleetGroup, ...]
    missing: tuple[tuple[str, str], ...] = ()
    baseline: str = ""

    @property
    def is_empty(self) -> bool:
        """Return whether no node is known to differ."""
        return not any(group.outliers or group.splits for group in self.groups)

    @property
    def is_complete(self) -> bool:
        """Return whether all nodes could be compared in everything."""
        return not (self.missing or any(group.unknown for group in self.groups))


class Comparison(NamedTuple):
    """What all groups of a fleet are compared with; `read` returns a node's document."""

    forms: Mapping[str, Form]
    builder: FormBuilder
    read: Read
    registry: Registry
    selection: Selection = Selection()


def compare_group(group: Group, of: Comparison) -> FleetGroup:
    """Return the outliers of a group: the nodes that differ from most others."""
    forms = {node: of.forms[node] for node in group.nodes}
    references = of.builder.references
    votes = vote(forms, references)
    standard = build_standard(forms, references, votes)
    deviations = {node: find_deviations(f, references, standard) for node, f in forms.items()}
    base = min(group.nodes, key=lambda node: len(deviations[node]))
    document = build_majority(base, deviations, standard, of.read)
    undecided = {path: found for path, found in votes.items() if not found.winner}
    splits = [
        find_split(path, forms, references, found)
        for path, found in undecided.items()
        if len(found.counts) > 1 and not found.is_own and _is_selected(path, of.selection)
    ]
    own = (".".join(path) for path, found in undecided.items() if found.is_own)
    outliers, unknown = _find_outliers(document, deviations, of, undecided)
    return FleetGroup(
        group.values,
        group.nodes,
        base,
        outliers=outliers,
        splits=merge_splits((s.path, s.values) for s in splits),
        unknown=unknown,
        own=tuple(sorted(own, key=natural_key)),
    )


def compare_with_baseline(baseline: Snapshot, group: Group, of: Comparison) -> FleetGroup:
    """Return the nodes that differ from a chosen document."""
    reference = of.builder.add_reference(baseline)
    references = of.builder.references
    standard = Standard(reference, {})
    forms = {node: of.forms[node] for node in group.nodes}
    deviations = {node: find_deviations(f, references, standard) for node, f in forms.items()}
    outliers, unknown = _find_outliers(keep_node(baseline), deviations, of, {})
    return FleetGroup(group.values, group.nodes, reference.node, outliers, unknown=unknown)


def build_majority(
    base: str, deviations: Mapping[str, Deviations], standard: Standard, read: Read
) -> Snapshot:
    """Return the document that has what most nodes have: one node's, corrected where it differs.

    A value that no single node could lend keeps the base's.
    """
    document = keep_node(read(base))
    differing = {path for path, _ in deviations[base]}
    if not differing:
        return document
    subtypes = {f"{t}.{s.name}": s for t, s in iter_subtypes(document)}
    for path in sorted(differing):
        lender = _find_lender(path, deviations)
        if lender:
            _replace(subtypes, path, standard.value_at(path), read(lender), lender)
    types = dict.fromkeys(name.partition(".")[0] for name in subtypes)
    measurements = tuple(
        Measurement(type_, tuple(s for n, s in subtypes.items() if n.startswith(f"{type_}.")))
        for type_ in types
    )
    return replace(document, measurements=measurements)


def merge_changes(
    found: Iterable[tuple[Sequence[str], Sequence[Change]]],
    identify: Callable[[Change, str], object],
    total: int,
    registry: Registry,
) -> tuple[OutlierSet, ...]:
    """Return the changes of sets of nodes, those of the same nodes together, by their score."""
    members: dict[object, tuple[Change, list[str]]] = {}
    for nodes, changes in found:
        for change in changes:
            _, known = members.setdefault(identify(change, nodes[0]), (change, []))
            known.extend(nodes)
    merged: dict[tuple[str, ...], list[Change]] = {}
    for change, nodes_ in members.values():
        merged.setdefault(tuple(sorted(set(nodes_), key=natural_key)), []).append(change)
    sets = [_build_set(n, changes, total, registry) for n, changes in merged.items()]
    sets.sort(key=lambda one: (-one.score, -len(one.changes), natural_key(one.nodes[0])))
    return tuple(sets)


def merge_splits(
    splits: Iterable[tuple[Path, tuple[tuple[str, tuple[str, ...]], ...]]],
) -> tuple[SplitSet, ...]:
    """Return the readings that split nodes in the same way together, the most readings first."""
    merged: dict[tuple[tuple[str, ...], ...], list[tuple[str, tuple[str | None, ...]]]] = {}
    for path, values in splits:
        parts = sorted(values, key=lambda part: (-len(part[1]), part[1]))
        texts = tuple(show_value(value) for value, _ in parts)
        name = ".".join(path).rstrip(".")
        merged.setdefault(tuple(nodes for _, nodes in parts), []).append((name, texts))
    sets = (SplitSet(nodes, tuple(sorted(found))) for nodes, found in merged.items())
    return tuple(sorted(sets, key=lambda one: (-len(one.readings), one.nodes)))


def _find_outliers(
    document: Snapshot,
    deviations: Mapping[str, Deviations],
    of: Comparison,
    undecided: Mapping[Path, Vote],
) -> tuple[tuple[OutlierSet, ...], tuple[UnknownSet, ...]]:
    """Return the known and the unknown changes, from one diff for each set of deviations."""
    alike: dict[Deviations, list[str]] = {}
    for node, found in deviations.items():
        if found:
            alike.setdefault(found, []).append(node)

    def identify(change: Change, node: str) -> object:
        path = (change.subtype, change.key)
        after = "" if change.after is None else of.builder.normalize(path, change.after, node)
        return change.path, change.kind, after or text_of(change.after), (*change.values,)

    known, unknown = [], []
    for found, nodes in alike.items():
        names = {name for (name, _), _ in found}
        before, after = (
            keep_subtypes(snapshot, names, of.registry)
            for snapshot in (document, of.read(nodes[0]))
        )
        changes = diff_snapshots(before, after, of.registry, selection=of.selection).changes
        decided = [c for c in changes if (c.subtype, c.key) not in undecided]
        known.append((nodes, [c for c in decided if c.kind != UNKNOWN_KIND]))
        unread = [c for c in decided if c.kind == UNKNOWN_KIND]
        unknown += [(n, c.path, c.note.removeprefix("B: ")) for c in unread for n in nodes]
    return (
        merge_changes(known, identify, len(deviations), of.registry),
        merge_unknown(unknown),
    )


def merge_unknown(found: Iterable[tuple[str, str, str]]) -> tuple[UnknownSet, ...]:
    """Return the unknown values by node, path and reason, equal nodes and reasons merged."""
    nodes: dict[tuple[str, str], list[str]] = {}
    for node, path, reason in found:
        nodes.setdefault((path, reason), []).append(node)
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (path, reason), members in sorted(nodes.items()):
        merged.setdefault((reason, tuple(members)), []).append(path)
    return tuple(UnknownSet(tuple(p), reason, n) for (reason, n), p in merged.items())


def _is_selected(path: Path, selection: Selection) -> bool:
    name, key = path
    return is_selected(f"{name}.{key}", selection) if key else may_be_selected(name, selection)


def _build_set(
    nodes: tuple[str, ...], changes: Sequence[Change], total: int, registry: Registry
) -> OutlierSet:
    ranks = list_ranks(registry)
    weight = max(WEIGHTS.get(rank, 1.0) for rank in find_ranks(changes, ranks))
    # Information content: the fewer nodes of a large group, the more it says.
    score = weight * log2(max(total, 2) / len(nodes)) if len(nodes) < total else 0.0
    ordered = tuple(sort_by_rank(changes, registry))
    return OutlierSet(nodes, total - len(nodes), ordered, round(score, 2))


def _find_lender(path: Path, deviations: Mapping[str, Deviations]) -> str:
    """Return a node that has what most have at a path, the one that differs least."""
    fitting = (
        (len(found), node)
        for node, found in deviations.items()
        if not any(other in (path, (path[0], "")) for other, _ in found)
    )
    return min(fitting, default=(0, ""))[1]


def _replace(
    subtypes: dict[str, Subtype], path: Path, value: str, lender: Snapshot, node: str
) -> None:
    """Replace one reading, or a whole subtype, by what another document has."""
    name, key = path
    theirs = next((s for t, s in iter_subtypes(lender) if f"{t}.{s.name}" == name), None)
    if not key or name not in subtypes:
        subtypes.pop(name, None)
        if theirs is not None:
            subtypes[name] = theirs
        return
    mine = subtypes[name]
    is_context = key.startswith(CONTEXT)
    plain = key[len(CONTEXT) :] if is_context else key
    target: dict[str, Scalar] = dict(mine.context if is_context else mine.data)
    source: Mapping[str, Scalar] = {}
    if theirs is not None:
        source = theirs.context if is_context else theirs.data
    if value == MISSING:
        target.pop(plain, None)
    elif plain in source:
        raw = source[plain]
        # Another node's name would be taken for a difference.
        target[plain] = value[len(VALUE) :] if node in text_of(raw) else raw
    subtypes[name] = (
        Subtype(mine.name, mine.data, {k: text_of(v) for k, v in target.items()})
        if is_context
        else Subtype(mine.name, target, mine.context)
    )
