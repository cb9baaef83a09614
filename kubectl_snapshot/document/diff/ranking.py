"""The order of changes, and changes that repeat another one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.change import UNKNOWN
from kubectl_snapshot.document.paths import matches_path
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.document.diff.change import Change
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
    patterns = list_ranks(registry)
    ranks = [find_rank(change, patterns) for change in changes]
    first: dict[tuple[str, bool], tuple[int, int]] = {}
    for place, (change, rank) in enumerate(zip(changes, ranks)):
        group = change.subtype, change.kind == UNKNOWN
        best = first.get(group, (rank, place))
        first[group] = min(rank, best[0]), best[1]
    ordered = sorted(
        zip(changes, ranks),
        key=lambda one: (first[one[0].subtype, one[0].kind == UNKNOWN], one[1]),
    )
    return [change for change, _ in ordered]


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
    also: dict[int, list[str]] = {}
    merged = set()
    for place, change in enumerate(changes):
        first = _find_first(changes, place, repeats)
        if first != place:
            also.setdefault(first, []).append(change.path)
            merged.add(place)
    return [
        replace(change, also=tuple(also.get(place, ())))
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


def find_rank(change: Change, ranks: Sequence[RankedPath]) -> int:
    """Return the rank of a change: LAST if unknown, one less if no collector declares one."""
    if change.kind == UNKNOWN:
        return LAST
    found = (ranked.rank for ranked in ranks if _is_at(change, ranked))
    return min(found, default=LAST - 1)


def _is_at(change: Change, ranked: RankedPath) -> bool:
    if not ranked.key:
        return not change.key and matches_path(change.path, ranked.subtype)
    return matches_path(change.path, f"{ranked.subtype}.{ranked.key}")


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
