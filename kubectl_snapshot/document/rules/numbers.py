"""Readings and expected values that are numbers, and not versions. Pure."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Union

from kubectl_snapshot.constants import WHITE_SPACE

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Scalar

Number = Union[int, float]

# int() refuses more than 4,300 digits.
INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
DECIMAL = re.compile(r"[-+]?[0-9]{1,400}\.[0-9]{1,400}")


def parse_number(text: str) -> Number | None:
    """Return a decimal number such as `-999` or `0.25`, None for any other text."""
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if DECIMAL.fullmatch(text) else None


def read_number(value: Scalar) -> Number | None:
    """Return the number that a reading is: an integer, a float, or a text of digits only.

    A text such as `1.32` is a version. Python compares integers and floats exactly.
    """
    if isinstance(value, str):
        text = value.strip(WHITE_SPACE)
        return int(text) if INTEGER.fullmatch(text) else None
    return None if isinstance(value, bool) or not isfinite(value) else value
