"""Which paths the user selected: `--only`, `--ignore` and `--all`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_snapshot.document.paths import METADATA, iter_subtypes, rest_of_pattern
from kubectl_snapshot.document.patterns import matches_any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubectl_snapshot.document.snapshot import Snapshot


@dataclass(frozen=True)
class Selection:
    """Patterns of paths; a type or subtype selects everything below it.

    An empty `only` selects all paths; with `everything`, no difference is ignored.
    """

    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    everything: bool = False


def is_selected(path: str, selection: Selection) -> bool:
    """Return whether a reading is selected."""
    only, ignore = _with_all_below(selection.only), _with_all_below(selection.ignore)
    return (not only or matches_any(path, only)) and not matches_any(path, ignore)


def may_be_selected(subtype: str, selection: Selection) -> bool:
    """Return whether a subtype that was not read may contain a selected reading."""
    prefix = f"{subtype}."
    may_have = any(rest_of_pattern(prefix, p) for p in _with_all_below(selection.only))
    is_ignored = matches_any(prefix, _with_all_below(selection.ignore))
    return (may_have or not selection.only) and not is_ignored


def find_unused(selection: Selection, *snapshots: Snapshot) -> tuple[str, ...]:
    """Return the patterns that match nothing in any document."""
    unused = dict.fromkeys((*selection.only, *selection.ignore))
    for snapshot in snapshots if unused else ():
        paths = tuple(_paths(snapshot))
        for pattern in tuple(unused):
            both = _with_all_below([pattern])
            if any(matches_any(path, both) for path in paths):
                del unused[pattern]
    return tuple(unused)


def _with_all_below(patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(path for pattern in patterns for path in (pattern, f"{pattern}.*"))


def _paths(snapshot: Snapshot) -> Iterator[str]:
    """Yield the path of every reading and context key, and of every subtype."""
    yield from (f"{METADATA}.{key}" for key in snapshot.metadata)
    for type_, subtype in iter_subtypes(snapshot):
        path = f"{type_}.{subtype.name}"
        yield f"{path}."
        yield from (f"{path}.{key}" for key in subtype.data)
        yield from (f"{path}.context.{key}" for key in subtype.context)
