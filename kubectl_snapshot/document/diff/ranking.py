"""The order of changes, and changes that repeat another one. Pure."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.change import UNKNOWN
from kubectl_snapshot.document.path_patterns import PathPatterns, never
from kubectl_snapshot.document.paths import matches_path
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kubectl_snapshot.document.diff.change import Change
    from kubectl_snapshot.document.path_patterns import Matcher
    from kubectl_snapshot.document.registry import Registry

LAST = 99


class RankedPath(NamedTuple):
    """Patterns of a subtype's path and of a key, empty for a whole subtype; rank 1 is first."""

    subtype: str
    key: str
    rank: int


def sort_by_rank(changes: Sequence[Change], registry: Registry) -> list[Change]:
    """Return the changes with the most telling first, those of one rank in document order.

    The changes of one subtype stay together; it has the rank of its first one.
    """
    ranks = find_ranks(changes, list_ranks(registry))
    groups: dict[tuple[str, bool], dict[int, list[Change]]] = {}
    for change, rank in zip(changes, ranks):
        group = groups.setdefault((change.subtype, rank == LAST), {})
        group.setdefault(rank, []).append(change)
    # Groups are in the order of their first changes, and the sort is stable.
    ordered = sorted(groups.values(), key=min)
    return [change for group in ordered for rank in sorted(group) for change in group[rank]]


def list_ranks(registry: Registry) -> tuple[RankedPath, ...]:
    """Return the declared ranks, with the patterns of whole paths."""
    return tuple(
        RankedPath(f"{measurement.type}.{spec.name}", key, telling.rank)
        for measurement in registry
        for spec in measurement.subtypes
        for telling in spec.telling
        for key in telling.keys
    )


def merge_repeats(changes: Sequence[Change], registry: Registry) -> list[Change]:
    """Return the changes without those that only repeat another, which names them in `also`."""
    repeats = dict(_list_repeats(registry))
    subtypes = {f"{m.type}.{spec.name}" for m in registry for spec in m.subtypes if spec.repeats}
    also: dict[int, list[str]] = {}
    merged = set()
    for place, change in enumerate(changes):
        if change.subtype not in subtypes:
            continue
        first = _find_first(changes, place, repeats)
        if first != place:
            also.setdefault(first, []).append(change.path)
            merged.add(place)
    return [
        replace(change, also=tuple(also[place])) if place in also else change
        for place, change in enumerate(changes)
        if place not in merged
    ]


def _find_first(changes: Sequence[Change], place: int, repeats: Mapping[str, str]) -> int:
    """Return the place of the change that a change repeats, through others, or its own place."""
    pattern = repeats.get(changes[place].path, "")
    for other, change in enumerate(changes) if pattern else ():
        if other != place and _repeats(changes[place], change, pattern):
            return _find_first(changes, other, repeats)
    return place


def find_ranks(changes: Iterable[Change], ranks: Sequence[RankedPath]) -> list[int]:
    """Return the rank of each change: LAST if unknown, one less if no collector declares one."""
    by_rank = [
        (rank, _compile(ranks, rank, True), _compile(ranks, rank, False))
        for rank in sorted({ranked.rank for ranked in ranks})
    ]
    found: list[int] = []
    for subtype, group in groupby(changes, key=attrgetter("subtype")):
        keyed = [(r, p.below(f"{subtype}.")) for r, p, _ in by_rank]
        keyed = [one for one in keyed if one[1] is not never]
        whole = [(r, p.below("")) for r, _, p in by_rank]
        found += [_find_rank(change, keyed if change.key else whole) for change in group]
    return found


def _find_rank(change: Change, ranks: Sequence[tuple[int, Matcher]]) -> int:
    if change.kind == UNKNOWN:
        return LAST
    if ranks:
        path = change.path
        for rank, matches in ranks:
            if matches(path):
                return rank
    return LAST - 1


def _compile(ranks: Iterable[RankedPath], rank: int, is_keyed: bool) -> PathPatterns:
    """Return the patterns of one rank, of keys or of whole subtypes."""
    return PathPatterns(
        f"{ranked.subtype}.{ranked.key}" if is_keyed else ranked.subtype
        for ranked in ranks
        if ranked.rank == rank and bool(ranked.key) == is_keyed
    )


def _list_repeats(registry: Registry) -> Iterator[tuple[str, str]]:
    for measurement in registry:
        for spec in measurement.subtypes:
            repeats: Mapping[str, str] = spec.repeats
            for key, path in repeats.items():
                yield f"{measurement.type}.{spec.name}.{key}", path


def _repeats(change: Change, other: Change, pattern: str) -> bool:
    """Return whether a change says of other words what another one says."""
    if other.kind != change.kind or not matches_path(other.path, pattern):
        return False
    if isinstance(other.before, bool) or isinstance(other.after, bool):
        return True
    texts = [text_of(value) for value in (change.before, change.after, other.before, other.after)]
    return texts[0].replace(texts[2], texts[3]) == texts[1]
