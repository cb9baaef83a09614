"""Match paths against many patterns at once. Pure.

Few patterns can match below one subtype, and most of these compare whole texts or beginnings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.paths import STATE_APART, matches_path
from kubectl_snapshot.document.patterns import matches_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Matcher = Callable[[str], bool]


class PathPatterns:
    """Patterns of paths, compiled for a subtype when it is first asked for."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self._below: dict[str, Matcher] = {}

    def below(self, prefix: str) -> Matcher:
        """Return a function that tells whether a path that begins with `prefix` matches one.

        It returns what `matches_path` returns for any of the patterns.
        """
        found = self._below.get(prefix)
        if found is None:
            found = self._below[prefix] = _compile(prefix, self._patterns)
        return found


def never(_path: str) -> bool:
    """Match no path."""
    return False


def always(_path: str) -> bool:
    """Match every path."""
    return True


def _compile(prefix: str, patterns: Iterable[str]) -> Matcher:
    exact: set[str] = set()
    starts: list[str] = []
    rest: list[tuple[str, Matcher]] = []
    for pattern in patterns:
        first, *others = pattern.split("*")
        if not first.startswith(prefix) and not (others and prefix.startswith(first)):
            continue
        if not others:
            exact.add(pattern)
        elif others == [""]:
            starts.append(first)
        else:
            rest.append((max(others, key=len), _compile_one(prefix, pattern)))
    if any(prefix.startswith(start) for start in starts):
        return always
    if not (exact or starts or rest):
        return never
    return _build_matcher(frozenset(exact), tuple(starts), rest)


def _compile_one(prefix: str, pattern: str) -> Matcher:
    """Return a matcher of a pattern with more than a beginning."""
    first, *others = parts = pattern.split("*")
    if STATE_APART.match(pattern):
        return lambda path: matches_path(path, pattern)
    if len(others) == 2 and not others[1] and prefix.startswith(first):
        part, start = others[0], len(first)
        return lambda path: path.find(part, start) >= 0
    return lambda path: matches_parts(path, parts)


def _build_matcher(
    exact: frozenset[str], starts: tuple[str, ...], rest: list[tuple[str, Matcher]]
) -> Matcher:
    """Return a matcher; of what is in `rest`, a path must contain the text first."""

    def matches(path: str) -> bool:
        if path in exact or path.startswith(starts):
            return True
        for part, is_match in rest:  # noqa: SIM110  faster than any() with a generator
            if part in path and is_match(path):
                return True
        return False

    return matches
