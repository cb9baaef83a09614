"""Match paths against many patterns at once. Pure.

Few patterns can match below one subtype, and most of these compare whole texts or beginnings.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from kubectl_snapshot.document.paths import STATE_APART, matches_path
from kubectl_snapshot.document.patterns import matches_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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
    return _Compiled(frozenset(exact), tuple(starts), rest)


def _compile_one(prefix: str, pattern: str) -> Matcher:
    """Return a matcher of a pattern with more than a beginning."""
    first, *others = parts = pattern.split("*")
    if STATE_APART.match(pattern):
        return lambda path: matches_path(path, pattern)
    if len(others) == 2 and not others[1] and prefix.startswith(first):
        part, start = others[0], len(first)
        return lambda path: path.find(part, start) >= 0
    return lambda path: matches_parts(path, parts)


class _Compiled:
    """A matcher of the patterns below a prefix; of what is in `rest`, a path must have the text."""

    def __init__(
        self, exact: frozenset[str], starts: tuple[str, ...], rest: list[tuple[str, Matcher]]
    ) -> None:
        self._exact, self._starts, self._rest = exact, starts, rest
        self.texts = (*exact, *starts, *(part for part, _ in rest))

    def __call__(self, path: str) -> bool:
        if path in self._exact or path.startswith(self._starts):
            return True
        for part, is_match in self._rest:  # noqa: SIM110  faster than any() with a generator
            if part in path and is_match(path):
                return True
        return False


def find_possible(matches: Matcher, paths: Sequence[str]) -> set[str]:
    """Return the paths that a matcher may match, and few others.

    One search of all paths for each pattern's longest text: of thousands, most are in none.
    """
    if not isinstance(matches, _Compiled):
        return set() if matches is never else set(paths)
    blob = "\n".join(paths)
    if blob.count("\n") + 1 != len(paths):
        return set(paths)
    ends = list(accumulate(map((1).__add__, map(len, paths))))
    return {paths[bisect_right(ends, at)] for text in matches.texts for at in _find_all(blob, text)}


def _find_all(blob: str, text: str) -> Iterator[int]:
    at = blob.find(text)
    while at >= 0:
        yield at
        at = blob.find(text, at + 1)
