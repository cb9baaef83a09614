"""Durations as Go writes them (contract section 5)."""

from __future__ import annotations

import re

from kubectl_snapshot.errors import InvalidRequest

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
DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]+)")
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
        raise InvalidRequest(
            f'invalid duration "{text}"', hint="use a form such as 90s, 5m or 1h30m"
        )
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if seconds >= MAX_DURATION_S:
        raise InvalidRequest(f'invalid duration "{text}"', why="the maximum is 292 years")
    return seconds
