"""Which paths the user selected: `--only`, `--ignore` and `--all`. Pure."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from kubectl_snapshot.document.path_patterns import PathPatterns, always, never
from kubectl_snapshot.document.paths import METADATA, iter_subtypes, rest_of_pattern
from kubectl_snapshot.document.patterns import matches_pattern
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass, replace
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from kubectl_snapshot.document.diff.change import Change
    from kubectl_snapshot.document.path_patterns import Matcher
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
    return select_below("", selection)(path)


def select_below(prefix: str, selection: Selection) -> Matcher:
    """Return a function that tells whether a reading whose path begins so is selected."""
    is_only = _compile(selection.only).below(prefix) if selection.only else always
    is_ignored = _compile(selection.ignore).below(prefix)
    if is_ignored is never:
        return is_only
    return lambda path: is_only(path) and not is_ignored(path)


def may_be_selected(subtype: str, selection: Selection) -> bool:
    """Return whether a subtype that was not read may contain a selected reading."""
    prefix = f"{subtype}."
    may_have = any(rest_of_pattern(prefix, p) for p in _with_all_below(selection.only))
    is_ignored = _compile(selection.ignore).below("")(prefix)
    return (may_have or not selection.only) and not is_ignored


def select(
    changes: Iterable[Change], selection: Selection, chosen: Collection[str] = ()
) -> Iterator[Change]:
    """Yield the changes that are selected; of a whole subtype, only the selected values.

    `chosen` are subtypes of which all changes with two values are selected.
    """
    if not (selection.only or selection.ignore):
        yield from changes
        return
    for subtype, found in groupby(changes, key=attrgetter("subtype")):
        is_chosen = select_below(f"{subtype}.", selection)
        are_chosen = subtype in chosen
        for change in found:
            if are_chosen and change.before is not None and change.after is not None:
                yield change
            elif change.values:
                yield from _select_values(change, selection)
            elif is_chosen(change.path) if change.key else may_be_selected(subtype, selection):
                yield change


def _select_values(change: Change, selection: Selection) -> Iterator[Change]:
    is_chosen = select_below(f"{change.path}.", selection)
    values = {k: v for k, v in change.values.items() if is_chosen(f"{change.path}.{k}")}
    if values:
        yield replace(change, values=values)


def find_named(subtype: str, selection: Selection) -> Matcher:
    """Return a function that tells whether `--only` names a path of a subtype, its own included.

    It does if it names a key, or the metadata. What is named is never ignored.
    """
    whole = (METADATA, f"{METADATA}.*") if subtype == METADATA else ()
    naming = tuple(
        p for p in selection.only if p in whole or (rest_of_pattern(f"{subtype}.", p) or "*") != "*"
    )
    return PathPatterns(_with_all_below(naming)).below("") if naming else never


def find_unused(selection: Selection, *snapshots: Snapshot) -> tuple[str, ...]:
    """Return the patterns that match nothing in any document."""
    unused = dict.fromkeys((*selection.only, *selection.ignore))
    for snapshot in snapshots if unused else ():
        paths = tuple(_paths(snapshot))
        for pattern in tuple(unused):
            matches = PathPatterns(_with_all_below([pattern])).below("")
            if any(map(matches, paths)):
                del unused[pattern]
    return tuple(unused)


def refuse_unused(selection: Selection, *snapshots: Snapshot) -> None:
    """Raise InvalidRequest for a pattern that matches nothing in any document."""
    unused = find_unused(selection, *snapshots)
    if unused:
        known = [path.rstrip(".") for snapshot in snapshots for path in _paths(snapshot)]
        rest = "list the paths with `kubectl snapshot query SNAPSHOT`"
        hint = _suggest(unused[0], dict.fromkeys(known)) or rest
        raise InvalidRequest(f"no reading matches {', '.join(unused)}", hint=hint)


def _suggest(pattern: str, known: Collection[str]) -> str:
    """Return a hint: the path that differs in case only, or the closest one."""
    folded = pattern.lower()
    types = [path.partition(".")[0] for path in known]
    subtypes = [".".join(path.split(".", 2)[:2]) for path in known]
    names = dict.fromkeys((*types, *subtypes, *known))
    same = next((name for name in names if matches_pattern(name.lower(), folded)), "")
    if same:
        return f"paths are case-sensitive: did you mean {same}?"
    return suggest(pattern, names, "").strip()


@lru_cache(maxsize=16)
def _compile(patterns: tuple[str, ...]) -> PathPatterns:
    return PathPatterns(_with_all_below(patterns))


def _with_all_below(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns and all paths below them; one that ends in `*` matches these itself."""
    both = (f"{pattern}.*" for pattern in patterns if not pattern.endswith("*"))
    return (*patterns, *both)


def _paths(snapshot: Snapshot) -> Iterator[str]:
    """Yield the path of every reading and context key, and of every subtype."""
    yield from (f"{METADATA}.{key}" for key in snapshot.metadata)
    for type_, subtype in iter_subtypes(snapshot):
        path = f"{type_}.{subtype.name}"
        yield f"{path}."
        yield from (f"{path}.{key}" for key in subtype.data)
        yield from (f"{path}.context.{key}" for key in subtype.context)
