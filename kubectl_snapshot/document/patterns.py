"""Key patterns: exact text, or `*` for any run of characters (contract section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeVar

    Value = TypeVar("Value")


def matches_pattern(key: str, pattern: str) -> bool:
    """Return whether a key matches a pattern; `?` and `[` are ordinary, case matters."""
    return matches_parts(key, pattern.split("*"))


def matches_parts(key: str, parts: Sequence[str]) -> bool:
    """Return whether a text is these parts with any characters between them, in linear time."""
    first, *rest = parts
    if not rest:
        return key == first
    last = rest.pop()
    if len(key) < len(first) + len(last) or not (key.startswith(first) and key.endswith(last)):
        return False
    position, end = len(first), len(key) - len(last)
    for part in rest:
        position = key.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def matches_any(key: str, patterns: Iterable[str]) -> bool:
    """Return whether a key matches one of the patterns."""
    return any(matches_pattern(key, pattern) for pattern in patterns)


def filter_out(data: Mapping[str, Value], patterns: Iterable[str]) -> dict[str, Value]:
    """Return the entries whose keys match none of the patterns, in order."""
    patterns = tuple(patterns)
    return {key: value for key, value in data.items() if not matches_any(key, patterns)}


def filter_in(data: Mapping[str, Value], patterns: Iterable[str]) -> dict[str, Value]:
    """Return the entries whose keys match one of the patterns, in order."""
    patterns = tuple(patterns)
    return {key: value for key, value in data.items() if matches_any(key, patterns)}
