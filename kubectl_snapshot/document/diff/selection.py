"""Which paths the user selected: `--only`, `--ignore` and `--all`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.paths import METADATA, iter_subtypes, matches_path, rest_of_pattern
from kubectl_snapshot.document.patterns import matches_pattern
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass, replace
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from kubectl_snapshot.document.diff.change import Change
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
    return (not only or _matches_any(path, only)) and not _matches_any(path, ignore)


def may_be_selected(subtype: str, selection: Selection) -> bool:
    """Return whether a subtype that was not read may contain a selected reading."""
    prefix = f"{subtype}."
    may_have = any(rest_of_pattern(prefix, p) for p in _with_all_below(selection.only))
    is_ignored = _matches_any(prefix, _with_all_below(selection.ignore))
    return (may_have or not selection.only) and not is_ignored


def select(change: Change, selection: Selection) -> Iterator[Change]:
    """Yield a change if it is selected; of a whole subtype, only the selected values."""
    if change.values:
        values = {
            k: v for k, v in change.values.items() if is_selected(f"{change.path}.{k}", selection)
        }
        if values:
            yield replace(change, values=values)
        return
    is_whole = not change.key
    if (may_be_selected if is_whole else is_selected)(change.path, selection):
        yield change


def is_named(change: Change, selection: Selection) -> bool:
    """Return whether `--only` names a reading by its key, or the metadata: it is never ignored."""
    prefix = f"{change.subtype}."
    named = [p for p in selection.only if _matches_any(change.path, (p, f"{p}.*"))]
    if change.subtype == METADATA and any(p in (METADATA, f"{METADATA}.*") for p in named):
        return True
    return any((rest_of_pattern(prefix, pattern) or "*") != "*" for pattern in named)


def find_unused(selection: Selection, *snapshots: Snapshot) -> tuple[str, ...]:
    """Return the patterns that match nothing in any document."""
    unused = dict.fromkeys((*selection.only, *selection.ignore))
    for snapshot in snapshots if unused else ():
        paths = tuple(_paths(snapshot))
        for pattern in tuple(unused):
            both = _with_all_below([pattern])
            if any(_matches_any(path, both) for path in paths):
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


def _matches_any(path: str, patterns: Iterable[str]) -> bool:
    return any(matches_path(path, pattern) for pattern in patterns)


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
