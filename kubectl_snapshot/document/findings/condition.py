"""Conditions of findings: a path, an operator and a value; whether a reading meets one. Pure.

Paths and comparisons are those of rules (document/rules). Beside them there are:

- paths `….context.KEY`; `….context.status`, which is `ok` where none is written; `….context.name`,
  the subtype's name
- `label(KEY)`, `taint(KEY)` of the snapshot's own node; `gaps()`, the status of each gap;
  `count(PATH)`, how many readings of a subtype are true
- `others` as the value: what most devices have at this path
- operators `~` and `!~` (has the text or not), `&` (has one of the spec's bits), `?` (the spec's
  test)
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.redaction.values import PREFIX
from kubectl_snapshot.document.rules.constraints import (
    EQUAL,
    NOT_EQUAL,
    compare_reading,
    is_path,
    parse_expression,
)
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.document.findings.spec import FindingSpec
    from kubectl_snapshot.document.snapshot import Scalar

OTHERS = "others"
LABEL, TAINT, GAPS, COUNT = "label", "taint", "gaps", "count"
HAS, LACKS, BITS, TEST = "~", "!~", "&", "?"
# A longer text is no reading that a condition is about.
MAX_VALUE = 4096
# More than the digits of an unsigned 64-bit number.
MAX_DIGITS = 32


class Condition(NamedTuple):
    """A parsed condition; `value` is a text, OTHERS or, if it is one, the path `right`."""

    function: str
    path: str
    operator: str = ""
    value: str = ""
    right: str = ""


@cache  # The specs have a fixed number of conditions.
def parse_condition(text: str) -> Condition:
    """Return a condition of a spec; its words are separated by one space each."""
    subject, operator, value = f"{text}  ".split(" ", 2)
    function, _, path = subject.rpartition("(")
    value = value.strip()
    right = value if is_path(value) else ""
    return Condition(function, path.rstrip(")"), operator, value, right)


def is_met(condition: Condition, actual: Scalar, expected: str, spec: FindingSpec) -> bool:
    """Return whether a reading meets a condition; `expected` is the text of the right side.

    Raises InvalidRequest if it cannot be judged: redacted, too long, no number or version.
    """
    text, operator = text_of(actual), condition.operator
    if len(text) > MAX_VALUE or len(expected) > MAX_VALUE:
        raise InvalidRequest("the reading is too long")
    if PREFIX in text or PREFIX in expected:
        raise InvalidRequest("the reading is redacted")
    if operator in (HAS, LACKS):
        return (expected in text) == (operator == HAS)
    if operator == BITS:
        return bool(parse_mask(text) & sum(spec.bits))
    if operator == TEST:
        assert spec.test
        return spec.test(text, expected)
    if operator in (EQUAL, NOT_EQUAL) and (condition.right or condition.value == OTHERS):
        return (text == expected) == (operator == EQUAL)
    return compare_reading(_parse_expression(f"{operator} {expected}"), actual)


_parse_expression = lru_cache(maxsize=64)(parse_expression)


def parse_mask(text: str) -> int:
    """Return a mask as NVML (`0x…`) and the kernel (decimal) write it; raise InvalidRequest."""
    try:
        if len(text) <= MAX_DIGITS:
            return int(text, 16 if text.startswith("0x") else 10)
    except ValueError:
        pass
    raise InvalidRequest(f'"{text[:MAX_DIGITS]}" is not a mask')


def name_bits(text: str, spec: FindingSpec) -> str:
    """Return the names of a mask's bits that a spec lists."""
    mask = parse_mask(text)
    return ", ".join(name for bit, name in spec.bits.items() if mask & bit)
