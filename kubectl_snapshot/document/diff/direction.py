"""The direction of a change: a larger number, a newer version, more nodes; empty if unsure."""

from __future__ import annotations

import re
from itertools import repeat
from operator import add
from typing import TYPE_CHECKING

from kubectl_snapshot.document.versions import looks_like_version, parse_version
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.document.snapshot import Scalar

NEWER, OLDER = "newer", "older"
DIGITS = re.compile(r"([0-9]+)")
MAX_DIGITS = 10_000
# No leading zeros, and not too many digits: those are masks, serial numbers, "unlimited".
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,11})")
NUMBER_STARTS = frozenset("-0123456789")
# The number of a package's build: `-13-amd64`, `-427.13.1.el9`; a commit's digits end in a letter.
BUILD = re.compile(r"[-+]([0-9]+(?:\.[0-9]+)*)(?![0-9A-Za-z])")


def describe_direction(before: Scalar, after: Scalar, is_node_list: bool = False) -> str:
    """Return `+4`, `newer`, `older`, `2 nodes more`, or the empty text.

    A node list is `value|gpu-1,gpu-2`, which may be truncated: ` (+3 more)`.
    """
    if is_node_list:
        return _compare_nodes(str(before), str(after))
    if isinstance(before, str) and before[:1] not in NUMBER_STARTS:
        # Most texts; a version may begin with a `v`, too.
        is_version = before[:1] in "v+" and isinstance(after, str)
        return _compare_versions(before, str(after)) if is_version else ""
    if type(before) is int and type(after) is int:
        return f"{after - before:+}"
    old = _number(before)
    new = None if old is None else _number(after)
    if old is not None and new is not None:
        moved = new - old
        return f"{moved:+}" if isinstance(moved, int) else f"{moved:+g}"
    if isinstance(before, str) and isinstance(after, str):
        return _compare_versions(before, after)
    return ""


def sort_naturally(texts: Sequence[str]) -> list[str]:
    """Return texts in the order of `natural_key`, all keys made by one search.

    A number in a key becomes NUL, the number of its digits as a character, its digits.
    """
    blob = "\n".join(texts)
    parts = DIGITS.split(blob)
    digits = list(map(str.lstrip, parts[1::2], repeat("0")))
    most = max(map(len, digits), default=0)
    if blob.count("\n") + 1 != len(texts) or "\0" in blob or most > MAX_DIGITS:
        return sorted(texts, key=natural_key)
    marks = [f"\0{chr(32 + length)}" for length in range(most + 1)]
    parts[1::2] = map(add, map(marks.__getitem__, map(len, digits)), digits)
    keys = "".join(parts).split("\n")
    return [texts[place] for place in sorted(range(len(texts)), key=keys.__getitem__)]


def natural_key(text: str) -> list[tuple[int, str]]:
    """Return a natural sort key: `gpu-2` before `gpu-10`."""
    parts = DIGITS.split(text)
    return [_number_key(part) if place % 2 else (0, part) for place, part in enumerate(parts)]


def _number_key(digits: str) -> tuple[int, str]:
    """Return the sort key of a number of any length: int() refuses more than 4,300 digits."""
    significant = digits.lstrip("0")
    return len(significant), significant


def _number(value: Scalar) -> int | float | None:
    if isinstance(value, str):
        return int(value) if INTEGER.fullmatch(value) else None
    if isinstance(value, bool):
        return None
    # An infinity or NaN is at no distance.
    return value if abs(value) < float("inf") else None


def _compare_versions(before: str, after: str) -> str:
    if not (looks_like_version(before) and looks_like_version(after)):
        return ""
    try:
        old, new = parse_version(before), parse_version(after)
    except InvalidRequest:
        return ""
    numbers, others = old[:3], new[:3]
    if numbers != others:
        return NEWER if others > numbers else OLDER
    builds = BUILD.match(old.extras), BUILD.match(new.extras)
    if builds[0] is None or builds[1] is None:
        return ""
    first, second = (
        [_number_key(part) for part in build[1].split(".")] for build in builds if build
    )
    if first == second:
        return ""
    return NEWER if second > first else OLDER


def _compare_nodes(before: str, after: str) -> str:
    (value, old), (other, new) = _split_nodes(before), _split_nodes(after)
    if value != other or " (+" in before + after:
        return ""
    counts = ((len(new - old), "more"), (len(old - new), "less"))
    return ", ".join(f"{n} node{'s' * (n > 1)} {word}" for n, word in counts if n)


def _split_nodes(entry: str) -> tuple[str, set[str]]:
    value, _, nodes = entry.rpartition("|")
    return value, set(nodes.split(","))
