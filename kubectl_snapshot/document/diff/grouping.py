"""Equal changes of numbered subtypes, such as eight GPUs with a new driver, as one. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubectl_snapshot.document.diff.change import Change

NUMBERED = re.compile(r"([^.]+\.[^.]+-)([0-9]{1,9})(-[a-z]+)?")


def group_numbered(changes: Sequence[Change]) -> list[Change]:
    """Return the changes with those that are equal in `GPU.gpu-0`, `GPU.gpu-1`, … as one.

    Its subtype is `GPU.gpu-[0-1]`. The changes of one subtype stay together.
    """
    members: dict[object, list[Change]] = {}
    for place, change in enumerate(changes):
        members.setdefault(_describe(change) or place, []).append(change)
    grouped = [_join(found) for found in members.values()]
    titles = {name: place for place, name in enumerate(dict.fromkeys(c.subtype for c in grouped))}
    return sorted(grouped, key=lambda change: titles[change.subtype])


def _describe(change: Change) -> object:
    """Return what equal changes have in common, None for one that has no equals."""
    match = NUMBERED.fullmatch(change.subtype)
    if match is None or not change.key or change.values:
        return None
    prefix, _, suffix = match.groups()
    values = [(type(value), value) for value in (change.before, change.after)]
    return prefix, suffix, change.key, change.kind, *values, change.note


def _join(found: list[Change]) -> Change:
    first = found[0]
    if len(found) == 1:
        return first
    matches = [NUMBERED.fullmatch(change.subtype) for change in found]
    numbers = [int(match[2]) for match in matches if match]
    prefix, _, suffix = matches[0].groups("") if matches[0] else ("", "", "")
    return replace(first, subtype=f"{prefix}[{render_ranges(numbers)}]{suffix}", after_name="")


def render_ranges(numbers: Iterable[int]) -> str:
    """Return numbers as ranges: `0-2,4`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
