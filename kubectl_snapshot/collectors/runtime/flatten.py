"""Make readings of nested settings: a path per value. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kubectl_snapshot.document.scalars import text_of

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Scalar

# Numbers beyond these are no integers of the format.
LEAST, MOST = -(2**63), 2**64 - 1


def flatten(value: object, path: str = "") -> dict[str, Scalar]:
    """Return each value by its path, `a.b`; lists of scalars joined by commas, others by number."""
    if isinstance(value, dict):
        parts = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        if not any(isinstance(item, (dict, list)) for item in value):
            return {path: ",".join(text_of(to_scalar(item)) for item in value)}
        parts = [(str(number), item) for number, item in enumerate(value)]
    else:
        return {path: to_scalar(value)}
    readings: dict[str, Scalar] = {}
    for key, item in parts:
        readings.update(flatten(item, f"{path}.{key}" if path else key))
    return readings


def to_scalar(value: object) -> Scalar:
    """Return a value as the format has it: what is no scalar of it is text."""
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, int) and LEAST <= value <= MOST:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return "" if value is None else str(value)
