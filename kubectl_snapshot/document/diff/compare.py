"""Compare two documents. Pure.

A value that one document could not read is unknown, never added or removed. document/diff/ignored
decides which differences are ignored.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff import devices as device_changes
from kubectl_snapshot.document.diff.change import (
    ADDED,
    CHANGED,
    LETTERS,
    REMOVED,
    UNKNOWN,
    Change,
    Diff,
    Side,
)
from kubectl_snapshot.document.diff.equality import find_comparability
from kubectl_snapshot.document.diff.gaps import explain_both
from kubectl_snapshot.document.diff.ignored import build_ignore_rules
from kubectl_snapshot.document.diff.match import pair_subtypes
from kubectl_snapshot.document.diff.parts import match_parts
from kubectl_snapshot.document.diff.ranking import merge_repeats, sort_by_rank
from kubectl_snapshot.document.diff.readings import compare_readings, list_shortened
from kubectl_snapshot.document.diff.selection import (
    Selection,
    find_named,
    may_be_selected,
    select,
    select_below,
)
from kubectl_snapshot.document.diff.topology import compare_node_lists
from kubectl_snapshot.document.path_patterns import always
from kubectl_snapshot.document.paths import METADATA
from kubectl_snapshot.document.snapshot import ABSENT, GAP_STATUSES, Subtype
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kubectl_snapshot.document.diff.devices import DeviceFacts
    from kubectl_snapshot.document.diff.equality import Comparability
    from kubectl_snapshot.document.diff.ignored import SubtypeRules
    from kubectl_snapshot.document.diff.match import Pair
    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.snapshot import Snapshot


class _DiffBasis(NamedTuple):
    """What a comparison needs to know of two documents as a whole; devices by type.

    `shortened` are the paths of values that the context has as a whole; `profiles` are those of the
    captures, empty where a document says none.
    """

    comparability: Comparability
    devices: Mapping[str, DeviceFacts]
    selection: Selection
    shortened: frozenset[str]
    profiles: tuple[str, ...]


def diff_snapshots(
    before: Snapshot,
    after: Snapshot,
    registry: Registry,
    sources: tuple[str, str] = LETTERS,
    selection: Selection | None = None,
) -> Diff:
    """Return what changed from one document to the other, the most telling first.

    A fingerprint that only one document has repeats its readings, and is not compared.
    """
    selection = selection or Selection()
    if not (before.fingerprint and after.fingerprint):
        before, after = (replace(snapshot, fingerprint=()) for snapshot in (before, after))
    comparability = find_comparability(
        before.metadata,
        after.metadata,
        build_ignore_rules(registry),
        is_exact=selection.everything,
    )
    pairs = pair_subtypes(before, after, comparability.nodes is None, registry)
    facts = device_changes.find_device_facts(before, after, pairs, registry)
    shortened = frozenset(_list_shortened(pairs, comparability))
    profiles = tuple(snapshot.metadata.get("profile", "") for snapshot in (before, after))
    basis = _DiffBasis(comparability, facts, selection, shortened, profiles)
    metadata = (Subtype(METADATA, before.metadata), Subtype(METADATA, after.metadata))
    found = [
        *compare_readings(METADATA, *metadata, comparability),
        *(change for pair in pairs for change in _compare_pair(pair, basis)),
        *_describe_not_read(before, after),
    ]
    if not selection.everything:
        found = compare_node_lists(found, pairs, comparability)
    selected = list(
        select(found, selection, frozenset(p.name for p in pairs if _is_plain(p, basis)))
    )
    shown = selected if selection.everything else list(_leave_out_ignored(selected, basis))
    left_out = len(selected) - len(shown)
    if not selection.everything:
        shown = sort_by_rank(merge_repeats(shown, registry), registry)
    sides = (Side(sources[0], before.metadata), Side(sources[1], after.metadata))
    return Diff(*sides, tuple(shown), left_out)


def _describe_not_read(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    fields = dict.fromkeys((*before.not_read, *after.not_read))
    if fields:
        yield Change("document", "", UNKNOWN, note=f"not compared: {', '.join(fields)}")


def _compare_pair(pair: Pair, basis: _DiffBasis) -> Iterator[Change]:
    old, new = pair.before, pair.after
    facts = basis.devices.get(pair.type)
    if old is None or new is None:
        profile = basis.profiles[new is None]
        is_reason = profile and profile != basis.profiles[old is None]
        why = f"not collected by --profile {profile}" if is_reason else "not collected"
        yield device_changes.describe_one_sided(pair, facts, why)
        return
    if old.is_left_out and new.is_left_out:
        return
    are_absent = (old.status == ABSENT, new.status == ABSENT)
    is_read = not any(subtype.status in GAP_STATUSES for subtype in (old, new))
    if is_read and are_absent[0] != are_absent[1] and not device_changes.is_links(pair.name, facts):
        kind, values = (REMOVED, old.data) if are_absent[1] else (ADDED, new.data)
        yield Change(pair.name, "", kind, note=explain_both(old, new), values=values)
        return
    changes = _compare_read(pair, old, new, basis)
    if old.name == new.name:
        yield from changes
        return
    for change in changes:
        yield replace(change, after_name=f"{pair.type}.{new.name}")


def _compare_read(pair: Pair, old: Subtype, new: Subtype, basis: _DiffBasis) -> Iterator[Change]:
    facts = basis.devices.get(pair.type)
    if pair.devices and facts and not basis.selection.everything:
        yield from device_changes.describe_status(pair, facts)
        matched = match_parts(pair.name, old, new, pair.devices.parts)
        old, new = matched.before, matched.after
        yield from matched.changes
    is_plain = _is_plain(pair, basis)
    is_selected = select_below(f"{pair.name}.", basis.selection) if is_plain else always
    yield from compare_readings(pair.name, old, new, basis.comparability, is_selected)


def _is_plain(pair: Pair, basis: _DiffBasis) -> bool:
    """Return whether all changes of a subtype's readings come from comparing its two values.

    Those that are not selected need not be made.
    """
    return pair.devices is None and pair.type not in basis.comparability.ignore.node_lists


def _list_shortened(pairs: Sequence[Pair], comparability: Comparability) -> Iterator[str]:
    for pair in pairs:
        if pair.before and pair.after:
            found = list_shortened(pair.name, pair.before, pair.after, comparability.ignore)
            yield from (f"{pair.name}.{key}" for key in found)


def _leave_out_ignored(changes: Iterable[Change], basis: _DiffBasis) -> Iterator[Change]:
    for subtype, group in groupby(changes, key=attrgetter("subtype")):
        rules = basis.comparability.ignore.below(subtype)
        may_follow = basis.shortened or subtype.partition(".")[0] in basis.devices
        if rules.is_free and not may_follow:
            yield from group
            continue
        found = list(group)
        paths = [change.path if change.key else f"{change.path}." for change in found]
        suspects = set(paths) if may_follow else rules.find_ignorable(paths)
        is_named = find_named(subtype, basis.selection)
        for change, path in zip(found, paths):
            if (
                path not in suspects
                or is_named(change.path)
                or not _is_ignored(change, path, basis, rules)
            ):
                yield change


def _is_ignored(change: Change, path: str, basis: _DiffBasis, rules: SubtypeRules) -> bool:
    """Return whether a change is volatile, node identity, or follows from another change."""
    if path in basis.shortened:
        return True
    is_value = change.key and change.kind in (CHANGED, UNKNOWN)
    is_identity = is_value and basis.comparability.nodes is not None and rules.is_identity(path)
    if is_identity or rules.is_volatile(path):
        have_one_form = basis.comparability.ignore.have_one_form
        are_alike = not is_value or have_one_form(path, change.before, change.after)
        if are_alike or is_identity:
            return are_alike
    facts = basis.devices.get(change.subtype.partition(".")[0])
    return facts is not None and _follows(change, facts, basis.selection)


def _follows(change: Change, facts: DeviceFacts, selection: Selection) -> bool:
    """Return whether a change follows from another reported change."""
    return device_changes.follows_from_devices(change, facts) and any(
        may_be_selected(name, selection) for name in device_changes.list_causes(facts)
    )
