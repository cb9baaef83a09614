"""Constraints: a path and an expression that its reading is compared with.

Grammar and comparison are the reference's (contract section 5): the four orderings compare
versions; there are no numeric or boolean comparisons. Parsing is stricter than the reference: an
expression that no reading can equal is an error.
"""

from __future__ import annotations

import operator as operators
import re
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.constants import WHITE_SPACE
from kubectl_snapshot.document.paths import ConstraintPath, parse_path
from kubectl_snapshot.document.snapshot import TYPES
from kubectl_snapshot.document.versions import (
    compare_versions,
    equal_versions,
    looks_like_version,
    parse_version,
)
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EXACT, EQUAL, NOT_EQUAL = "", "==", "!="
ORDERINGS: Mapping[str, Callable[[int, int], bool]] = {
    ">=": operators.ge,
    "<=": operators.le,
    ">": operators.gt,
    "<": operators.lt,
}
# In the order in which they are looked for: `>=` begins with `>`.
OPERATORS = (">=", "<=", NOT_EQUAL, EQUAL, ">", "<")

# A path ends before a blank or an operator. One with such characters in its key can be written in
# a file of rules, where it stands apart.
CONSTRAINT = re.compile(r"([^\s<>=!~]*)\s*(.*)", re.DOTALL)


class Expression(NamedTuple):
    """The right side of a constraint; no operator means equal text."""

    operator: str
    value: str
    is_version: bool

    @property
    def text(self) -> str:
        return f"{self.operator} {self.value}" if self.operator else self.value


class Constraint(NamedTuple):
    """A path, which may have a `*`, and the expression for its readings."""

    path: ConstraintPath
    expression: Expression

    @property
    def text(self) -> str:
        return f"{self.path.text} {self.expression.text}"


def parse_constraint(text: str, types: Sequence[str] = TYPES) -> Constraint:
    """Return a constraint as users write it: `K8s.server.version >= 1.32`."""
    match = CONSTRAINT.fullmatch(text.strip(WHITE_SPACE))
    assert match
    path, expression = match.groups()
    return build_constraint(parse_path(path, types), expression)


def build_constraint(path: ConstraintPath, expression: str) -> Constraint:
    """Return the constraint on a path; raise InvalidRequest if no reading could satisfy it."""
    constraint = Constraint(path, parse_expression(expression))
    operator, value, _ = constraint.expression
    if operator in ORDERINGS:
        parse_version(value)
    if operator == EXACT and value[0] in "=~!":
        raise InvalidRequest(
            f"the constraint {value!r} begins with no operator",
            hint=f"use one of {', '.join(OPERATORS)}, or == for a text that begins so",
        )
    return constraint


def parse_expression(text: str) -> Expression:
    """Return an expression such as `>= 1.32`, `== ubuntu`, `24.04`."""
    trimmed = text.strip(WHITE_SPACE)
    operator = next((name for name in OPERATORS if trimmed.startswith(name)), EXACT)
    value = trimmed[len(operator) :].strip(WHITE_SPACE)
    if not value:
        what = f"the constraint {trimmed!r} has no value" if trimmed else "the constraint is empty"
        raise InvalidRequest(what, hint="write it as '>= 1.32', '== ubuntu' or '24.04'")
    return Expression(operator, value, operator in ORDERINGS or looks_like_version(value))


def evaluate(expression: Expression, actual: str) -> bool:
    """Return whether a reading's text satisfies an expression.

    Raises InvalidRequest if an ordering operator compares an invalid version.
    """
    actual = actual.strip(WHITE_SPACE)
    operator, value, _ = expression
    if operator == EXACT:
        return actual == value
    if operator in (EQUAL, NOT_EQUAL):
        return _is_equal(expression, actual) == (operator == EQUAL)
    if operator not in ORDERINGS:
        raise InvalidRequest(
            f"there is no operator {operator!r}", hint=f"use one of {', '.join(OPERATORS)}"
        )
    return ORDERINGS[operator](compare_versions(parse_version(actual), parse_version(value)), 0)


def _is_equal(expression: Expression, actual: str) -> bool:
    if expression.is_version:
        try:
            return equal_versions(parse_version(actual), parse_version(expression.value))
        except InvalidRequest:
            pass
    return actual == expression.value
