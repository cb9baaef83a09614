"""Write names that differ in a number as one: `gpu-0, gpu-1, gpu-3` as `gpu-[0-1,3]`. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NUMBER = re.compile(r"(?<![0-9])[0-9]{1,9}(?![0-9])")


def collapse_numbers(names: Iterable[str]) -> list[str]:
    """Return the names in order, those that differ only in their first number as one."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = NUMBER.search(name)
        key = (name[: found.start()], name[found.end() :]) if found else (name, "")
        groups.setdefault(key, []).append(found[0] if found else "")
    return [f"{key[0]}{render_range(numbers)}{key[1]}" for key, numbers in groups.items()]


def render_range(numbers: list[str]) -> str:
    """Return numbers as `7`, or as `[0-3,5]`."""
    if len(set(numbers)) == 1:
        return numbers[0]
    ranges: list[list[int]] = []
    for number in sorted({int(number) for number in numbers if number}):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return f"[{','.join(str(a) if a == b else f'{a}-{b}' for a, b in ranges)}]"
