"""Compare two documents. Pure.

A value that one document could not read is unknown, never added or removed. document/diff/ignored
decides which differences are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.direction import describe_direction, natural_key
from kubectl_snapshot.document.diff.equality import (
    EQUAL,
    UNDECIDABLE,
    compare_values,
    find_comparability,
)
from kubectl_snapshot.document.diff.ignored import build_ignore_rules
from kubectl_snapshot.document.diff.match import count_devices, lists_all_devices, pair_subtypes
from kubectl_snapshot.document.diff.selection import Selection, is_selected, may_be_selected
from kubectl_snapshot.document.paths import METADATA
from kubectl_snapshot.document.redaction.values import LEFT_OUT, PREFIX
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES, PARTIAL, Subtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.document.diff.equality import Comparability
    from kubectl_snapshot.document.diff.match import Pair, Pairs
    from kubectl_snapshot.document.registry import Devices, Registry
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

ADDED, REMOVED, CHANGED, UNKNOWN = "added", "removed", "changed", "unknown"
KINDS = (ADDED, REMOVED, CHANGED, UNKNOWN)
# The names of the two documents in notes, as in `diff A B`.
LETTERS = ("A", "B")


@dataclass(frozen=True)
class Change:
    """One difference; kind `unknown` where the values cannot be compared.

    `subtype` is `OS.sysctl`, or `metadata`. The key is empty where a whole subtype was added,
    removed or is unknown; `values` are then its readings by key. `note` is the direction of the
    change (`newer`, `older`, `+4`), or why it is unknown. `after_name` is the subtype's name in the
    second document if it differs: GPUs are not matched by number.
    """

    subtype: str
    key: str
    kind: str
    before: Scalar | None = None
    after: Scalar | None = None
    note: str = ""
    values: Mapping[str, Scalar] = field(default_factory=dict)
    after_name: str = ""

    @property
    def path(self) -> str:
        """Return `Type.Subtype.key`, or `Type.Subtype` of a whole subtype."""
        return f"{self.subtype}.{self.key}" if self.key else self.subtype


@dataclass(frozen=True)
class Side:
    """One of the two documents, as the user named it."""

    source: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Diff:
    """All changes in document order; `left_out` is the number of ignored changes."""

    before: Side
    after: Side
    changes: tuple[Change, ...] = ()
    left_out: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is known to differ."""
        return all(change.kind == UNKNOWN for change in self.changes)

    @property
    def is_complete(self) -> bool:
        """Return whether everything could be compared."""
        return all(change.kind != UNKNOWN for change in self.changes)


def diff_snapshots(
    before: Snapshot,
    after: Snapshot,
    registry: Registry,
    sources: tuple[str, str] = LETTERS,
    selection: Selection | None = None,
) -> Diff:
    """Return what changed from one document to the other, in document order."""
    selection = selection or Selection()
    comparability = find_comparability(
        before.metadata,
        after.metadata,
        build_ignore_rules(registry),
        is_exact=selection.everything,
    )
    paired = pair_subtypes(before, after, comparability.nodes is None, registry)
    basis = _DiffBasis(comparability, _find_device_facts(before, after, paired, registry), paired)
    metadata = (Subtype(METADATA, before.metadata), Subtype(METADATA, after.metadata))
    found = [
        *_compare_readings(METADATA, *metadata, comparability),
        *(change for pair in paired.pairs for change in _compare_pair(pair, basis)),
    ]
    selected = [change for one in found for change in _select(one, selection)]
    shown = [c for c in selected if selection.everything or not _is_ignored(c, basis)]
    sides = (Side(sources[0], before.metadata), Side(sources[1], after.metadata))
    return Diff(*sides, tuple(shown), len(selected) - len(shown))


def count_kinds(diff: Diff) -> dict[str, int]:
    """Return how many changes are of each kind."""
    found = [change.kind for change in diff.changes]
    return {kind: found.count(kind) for kind in KINDS}


class _DeviceFacts(NamedTuple):
    """The devices of one type in both documents.

    `gaps` is why each document does not list all its devices, empty where it does. `balance` is how
    many more devices the second one lists.
    """

    devices: Devices
    gaps: tuple[str, str]
    balance: int


class _DiffBasis(NamedTuple):
    """What a comparison needs to know of two documents as a whole; devices by type."""

    comparability: Comparability
    devices: Mapping[str, _DeviceFacts]
    paired: Pairs


def _compare_pair(pair: Pair, basis: _DiffBasis) -> Iterator[Change]:
    old, new = pair.before, pair.after
    if old is None or new is None:
        yield _describe_one_sided(pair, basis)
        return
    are_absent = (old.status == ABSENT, new.status == ABSENT)
    is_read = not any(subtype.status in GAP_STATUSES for subtype in (old, new))
    is_of_links = _is_links(pair.name, basis)
    if is_read and are_absent[0] != are_absent[1] and not is_of_links:
        kind, values = (REMOVED, old.data) if are_absent[1] else (ADDED, new.data)
        yield Change(pair.name, "", kind, note=_explain_both(old, new), values=values)
        return
    for change in _compare_readings(pair.name, old, new, basis.comparability):
        yield replace(change, after_name="" if old.name == new.name else f"{pair.type}.{new.name}")


def _describe_one_sided(pair: Pair, basis: _DiffBasis) -> Change:
    """Return the change for a subtype that only one document has.

    A tool writes every subtype that it collects, so the other one did not collect it. Only devices
    are added and removed.
    """
    is_removed = pair.after is None
    subtype = pair.before or pair.after or Subtype("")
    gap = basis.devices[pair.type].gaps[is_removed] if pair.devices else "not collected"
    if gap or pair.devices is None:
        note = f"{LETTERS[is_removed]}: {gap}"
        return Change(pair.name, "", UNKNOWN, note=note, values=subtype.data)
    texts = (str(subtype.data.get(key, "")) for key in pair.devices.describe_by)
    note = " at ".join(text for text in texts if text)
    kind = REMOVED if is_removed else ADDED
    return Change(pair.name, "", kind, note=note, values=subtype.data)


def _compare_readings(
    name: str, old: Subtype, new: Subtype, comparability: Comparability
) -> Iterator[Change]:
    """Yield the changes of single readings and, last, those unknown because one was not read."""
    left, right = (_readings(name, *pair, comparability) for pair in ((old, new), (new, old)))
    differing = [key for key, value in left.items() if not _is_equal(value, right.get(key))]
    differing += [key for key in right if key not in left]
    unread: dict[str, Scalar] = {}
    for key in sorted(differing, key=natural_key):
        if key in left and key in right:
            yield from _compare_reading(name, key, left[key], right[key], comparability)
        elif _may_be_unread(key, new if key in left else old):
            unread[key] = left[key] if key in left else right[key]
        elif key in left:
            yield Change(name, key, REMOVED, before=left[key])
        else:
            yield Change(name, key, ADDED, after=right[key])
    is_unread = any(s.status in GAP_STATUSES and s.status != PARTIAL for s in (old, new))
    if unread or is_unread:
        note = _explain_both(old, new) or "redacted"
        yield Change(name, "", UNKNOWN, note=note, values=unread)


def _compare_reading(
    name: str, key: str, before: Scalar, after: Scalar, comparability: Comparability
) -> Iterator[Change]:
    outcome = compare_values(f"{name}.{key}", before, after, comparability)
    if outcome == UNDECIDABLE:
        yield Change(name, key, UNKNOWN, before, after, "redacted with different keys")
    elif outcome != EQUAL:
        is_node_list = comparability.ignore.is_node_list(name)
        note = describe_direction(before, after, is_node_list)
        yield Change(name, key, CHANGED, before, after, note)


def _readings(
    name: str, subtype: Subtype, other: Subtype, comparability: Comparability
) -> dict[str, Scalar]:
    """Return data and, if this program wrote both documents, the context that adds to it."""
    if not ("elapsed-ms" in subtype.context and "elapsed-ms" in other.context):
        return dict(subtype.data)
    context = {
        f"context.{key}": text
        for key, text in subtype.context.items()
        if not comparability.ignore.is_ignored_context(name, key)
    }
    return {**context, **subtype.data}


def _is_equal(before: Scalar, after: Scalar | None) -> bool:
    """Return whether two values are identical; Python takes True for 1."""
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def _may_be_unread(key: str, subtype: Subtype) -> bool:
    """Return whether a key may be missing because it was not read, or was redacted."""
    return subtype.status in GAP_STATUSES or LEFT_OUT in subtype.context or PREFIX in key


def _explain_both(old: Subtype, new: Subtype) -> str:
    """Return the reason a subtype is missing, as `B: forbidden: <reason>`."""
    reasons = [_explain(old), _explain(new)]
    if reasons[0] == reasons[1] != "":
        return f"{' and '.join(LETTERS)}: {reasons[0]}"
    return "; ".join(f"{letter}: {reason}" for letter, reason in zip(LETTERS, reasons) if reason)


def _explain(subtype: Subtype) -> str:
    if LEFT_OUT in subtype.context:
        return "left out by --redact"
    if subtype.status not in (*GAP_STATUSES, ABSENT):
        return ""
    reason = subtype.context.get("reason", "")
    return f"{subtype.status}: {reason}" if reason else subtype.status


def _find_device_facts(
    before: Snapshot, after: Snapshot, paired: Pairs, registry: Registry
) -> dict[str, _DeviceFacts]:
    return {
        spec.type: _DeviceFacts(
            spec.devices,
            (
                _explain_unlisted(before, spec.type, spec.devices),
                _explain_unlisted(after, spec.type, spec.devices),
            ),
            _balance(paired, spec.type, spec.devices),
        )
        for spec in registry
        if spec.devices
    }


def _explain_unlisted(snapshot: Snapshot, type_: str, devices: Devices) -> str:
    """Return why a document does not list all its devices, empty where it does."""
    if lists_all_devices(snapshot, type_, devices):
        return ""
    count = count_devices(snapshot, type_, devices)
    return f"counts {count} {type_}s but does not list them" if count else f"{type_}s not counted"


def _balance(paired: Pairs, type_: str, devices: Devices) -> int:
    """Return how many more devices the second document lists, states not counted."""
    found = [
        pair
        for pair in paired.pairs
        if pair.devices and pair.type == type_ and not pair.name.endswith(devices.state_suffix)
    ]
    return sum((pair.before is None) - (pair.after is None) for pair in found)


def _select(change: Change, selection: Selection) -> Iterator[Change]:
    """Yield a change if it is selected; of a whole subtype, only the selected values."""
    if change.values:
        values = {
            k: v for k, v in change.values.items() if is_selected(f"{change.path}.{k}", selection)
        }
        if values:
            yield replace(change, values=values)
        return
    select = is_selected if change.key else may_be_selected
    if select(change.path, selection):
        yield change


def _is_ignored(change: Change, basis: _DiffBasis) -> bool:
    """Return whether a change is volatile, node identity, or follows from another change."""
    ignore = basis.comparability.ignore
    path = change.path if change.key else f"{change.path}."
    if ignore.is_volatile(path):
        return True
    is_value = change.key and change.kind in (CHANGED, UNKNOWN)
    if is_value and basis.comparability.nodes is not None and ignore.is_identity(path):
        return True
    return _follows_from_devices(change, basis)


def _follows_from_devices(change: Change, basis: _DiffBasis) -> bool:
    """Return whether a change follows from an added or removed device: its links, and a count."""
    if _is_links(change.subtype, basis):
        return any(id_ in basis.paired.unmatched for id_ in change.key.split("/") if id_)
    type_, _, name = change.subtype.partition(".")
    facts = basis.devices.get(type_)
    if facts is None or (name, change.key) not in facts.devices.counts:
        return False
    before, after = change.before, change.after
    return isinstance(before, int) and isinstance(after, int) and after - before == facts.balance


def _is_links(subtype: str, basis: _DiffBasis) -> bool:
    """Return whether a subtype lists the links between devices."""
    type_, _, name = subtype.partition(".")
    facts = basis.devices.get(type_)
    return facts is not None and name == facts.devices.links
