"""Durations as Go writes them (contract section 5)."""

from __future__ import annotations

import re

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.regex import compile_late

# The units of Go's time.ParseDuration.
UNITS_S = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
# Words and letters for units that Go does not have, and the same in Go's units.
OTHER_UNITS = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), (1, "s")),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), (1, "m")),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), (1, "h")),
    **dict.fromkeys(("d", "day", "days"), (24, "h")),
    **dict.fromkeys(("w", "week", "weeks"), (168, "h")),
}
DURATION_PART = compile_late(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]+)")
# Go stores a duration as 64-bit nanoseconds: 292 years.
MAX_DURATION_S = 2**63 / 1e9


def parse_duration(text: str) -> float:
    """Parse a non-negative Go duration into seconds: `90s`, `1h30m`, `300ms`, `0`."""
    unsigned = text[1:] if text.startswith("+") else text
    if unsigned == "0":
        return 0.0
    parts = DURATION_PART.findall(unsigned)
    is_whole = "".join(number + unit for number, unit in parts) == unsigned
    if not parts or not is_whole or any(unit not in UNITS_S for _, unit in parts):
        raise InvalidRequest(f'invalid duration "{text}"', hint=_suggest_duration(text))
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if seconds >= MAX_DURATION_S:
        raise InvalidRequest(f'invalid duration "{text}"', why="the maximum is 292 years")
    return seconds


def _suggest_duration(text: str) -> str:
    """Return a hint: the duration that was probably meant, and the forms."""
    forms = "use a form such as 90s, 5m or 1h30m"
    found = re.fullmatch(r"([0-9]{1,6}) ?([a-z]*)", text.strip().lower())
    if not found:
        return forms
    number, unit = found.groups()
    if not unit:
        return f"did you mean {number}s or {number}m? {forms}"
    factor, go_unit = OTHER_UNITS.get(unit, (0, ""))
    return f"did you mean {int(number) * factor}{go_unit}? {forms}" if factor else forms
