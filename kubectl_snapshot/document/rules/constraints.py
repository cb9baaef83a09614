"""Constraints: a path, or a function of one, and an expression that its value is compared with.

The grammar of a path and a text is the reference's (contract section 5), and so is the comparison
of two versions. Ours are functions, a path on the right side, comparison of numbers
(compare_reading), and stricter parsing: an expression that no reading can equal is an error.
"""

from __future__ import annotations

import operator as operators
import re
from typing import TYPE_CHECKING, NamedTuple, Union

from kubectl_snapshot.constants import WHITE_SPACE
from kubectl_snapshot.document.path_hints import suggest_path
from kubectl_snapshot.document.paths import ConstraintPath, parse_path
from kubectl_snapshot.document.rules import gpu_nodes
from kubectl_snapshot.document.rules.alternatives import OR, split_terms
from kubectl_snapshot.document.rules.numbers import parse_number, read_number
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import TYPES, Snapshot
from kubectl_snapshot.document.versions import (
    Version,
    compare_builds,
    compare_versions,
    equal_versions,
    looks_like_version,
    parse_version,
)
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.document.snapshot import Scalar

    # The measurement types that a path may begin with, None for any.
    Types = Union[Sequence[str], None]

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
# An item of a list is selected in brackets: `NetworkTopology.pfs[rail=3].pciAddress`.
CONSTRAINT = re.compile(r"((?:\[[^\]]*\]|[^\s<>=!~])*)\s*(.*)", re.DOTALL)
# Functions of a path: the status of subtypes, how many readings or subtypes there are, and a label
# or the effect of a taint of the snapshot's own node.
STATUS, COUNT, LABEL, TAINT = "status", "count", "label", "taint"
FUNCTIONS = (STATUS, COUNT, LABEL, TAINT)
NODE_TOPOLOGY = "NodeTopology"
CALL = re.compile(r"\s*([A-Za-z_]*)\(([^()]*)\)\s*(.*)", re.DOTALL)
SIGNS = re.compile(r"[=~!<>]+")
HINT = "write it as '>= 1.32', '== ubuntu' or '24.04'"
# Operators of other languages, and ours.
FOREIGN = {
    "=>": ">=",
    "=<": "<=",
    "===": "==",
    "!==": "!=",
    "~": "==",
    "=~": "==",
    "~>": ">=",
    "<>": "!=",
}


class Expression(NamedTuple):
    """The right side of a constraint; no operator means equal text."""

    operator: str
    value: str
    is_version: bool

    @property
    def text(self) -> str:
        return f"{self.operator} {self.value}" if self.operator else self.value


class Constraint(NamedTuple):
    """A path, which may have a `*`, and the expression for its readings.

    `function` is one of FUNCTIONS or "". Of a `status` or `count` of subtypes, `path` has no key;
    of a label or taint, `subtype` is its key. `right` is a path whose reading is the expected
    value; each `*` in it stands for what the `*` of `path` in the same place stands for.
    An expression of several terms is in `alternatives`: all terms of one must hold.
    """

    path: ConstraintPath
    expression: Expression
    function: str = ""
    right: str = ""
    alternatives: tuple[tuple[Constraint, ...], ...] = ()

    @property
    def subject(self) -> str:
        """Return the left side as users write it."""
        if self.function in (LABEL, TAINT):
            return f"{self.function}({self.path.key})"
        return f"{self.function}({self.pattern})" if self.function else self.path.text

    @property
    def pattern(self) -> str:
        """Return the path; of subtypes, without a dot behind it."""
        return self.path.text if self.path.key else self.path.text[:-1]

    @property
    def text(self) -> str:
        return f"{self.subject} {self.expression.text}"


def parse_constraint(text: str, types: Types = TYPES) -> Constraint:
    """Return a constraint as users write it: `K8s.server.version >= 1.32`."""
    subject, expression = split_constraint(text)
    return build_constraint(subject, expression, types)


def split_constraint(text: str) -> tuple[str, str]:
    """Return the left side of a constraint, and the expression behind it."""
    call = CALL.fullmatch(text)
    if call:
        return f"{call[1]}({call[2]})", call[3]
    match = CONSTRAINT.fullmatch(text.strip(WHITE_SPACE))
    assert match
    path, expression = match.groups()
    if not path:
        raise InvalidRequest(
            f"the constraint {text!r} has no path",
            hint="write it as PATH, operator and value: 'K8s.server.version >= 1.32'",
        )
    return path, expression


def build_constraint(subject: str, expression: str, types: Types = TYPES) -> Constraint:
    """Return the constraint on a path or a function of one.

    Raises InvalidRequest if no reading could satisfy it.
    """
    if subject == gpu_nodes.PATH:
        gpu_nodes.parse_condition(expression)
        return Constraint(parse_path(subject), Expression(EXACT, expression.strip(), False))
    terms = [[_build_term(subject, t, types) for t in part] for part in split_terms(expression)]
    first = terms[0][0]
    if len(terms) == len(terms[0]) == 1:
        return first
    text = f" {OR} ".join(" ".join(term.expression.text for term in part) for part in terms)
    return first._replace(
        expression=Expression(EXACT, text, False), right="", alternatives=tuple(map(tuple, terms))
    )


def _build_term(subject: str, expression: str, types: Types) -> Constraint:
    function, path = parse_subject(subject, types)
    parsed = parse_expression(expression)
    operator, value, _ = parsed
    signs = SIGNS.match(expression.lstrip(WHITE_SPACE))
    if signs and signs[0] not in OPERATORS:
        raise _unknown_operator(signs[0], expression.strip(WHITE_SPACE))
    right = value if is_path(value, types) else ""
    if right and right.count("*") > subject.count("*"):
        raise InvalidRequest(
            f"{right} has more * than {subject}", hint="each * on the right repeats one of the left"
        )
    if operator in ORDERINGS and not right and parse_number(value) is None:
        parse_version(value)
    return Constraint(path, parsed, function, right)


def parse_subject(text: str, types: Types = TYPES) -> tuple[str, ConstraintPath]:
    """Return the function ("" for none) and the path of the left side of a constraint."""
    call = CALL.fullmatch(text)
    if call is None:
        return "", _parse_path(text, types)
    function, path = call[1], call[2].strip(WHITE_SPACE)
    if function not in FUNCTIONS:
        why = f"functions are {', '.join(FUNCTIONS)}"
        raise InvalidRequest(
            f'unknown function "{function}"', why, suggest(function, FUNCTIONS, "remove it")
        )
    if function in (LABEL, TAINT):
        if not path:
            raise InvalidRequest(f"{function}() has no key")
        return function, ConstraintPath(NODE_TOPOLOGY, function, path)
    if function == STATUS or path.count(".") == 1:
        return function, _parse_subtype(path, types)
    return function, _parse_path(path, types)


def is_path(value: str, types: Types = TYPES) -> bool:
    """Return whether the value of an expression is a path of one of these types."""
    known = TYPES if types is None else types
    return (
        value.count(".") >= 2 and value.partition(".")[0] in known and not re.search(r"\s", value)
    )


def _parse_subtype(text: str, types: Types) -> ConstraintPath:
    type_, _, name = text.partition(".")
    if not name or (types is not None and type_ not in types):
        raise InvalidRequest(
            f'invalid path "{text}"', hint="write it as Type.Subtype, as in GPU.gpu-*"
        )
    return ConstraintPath(type_, *name.partition(".")[::2])


def _parse_path(text: str, types: Types) -> ConstraintPath:
    meant = suggest_path(text, Snapshot()) if text.count(".") < 2 else ""
    if meant.count(".") >= 2:
        raise InvalidRequest(f'invalid path "{text}"', hint=f"did you mean {meant}?")
    return parse_path(text, types)


def _unknown_operator(signs: str, expression: str) -> InvalidRequest:
    meant = FOREIGN.get(signs, "")
    return InvalidRequest(
        f"the constraint {expression!r} begins with no operator",
        f"operators are {', '.join(OPERATORS)}",
        f"did you mean {meant}?" if meant else HINT,
    )


def parse_expression(text: str) -> Expression:
    """Return an expression such as `>= 1.32`, `== ubuntu`, `24.04`."""
    trimmed = text.strip(WHITE_SPACE)
    operator = next((name for name in OPERATORS if trimmed.startswith(name)), EXACT)
    value = trimmed[len(operator) :].strip(WHITE_SPACE)
    if not value:
        what = f"the constraint {trimmed!r} has no value" if trimmed else "the constraint is empty"
        raise InvalidRequest(what, hint=HINT)
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
    return ORDERINGS[operator](_compare(parse_version(actual), parse_version(value)), 0)


def compare_reading(expression: Expression, actual: Scalar) -> bool:
    """Return whether a reading satisfies an expression; two numbers are compared as numbers.

    A text is a number if it is an integer: `-999`. A float that YAML read is one, too: 0.5 is more
    than 0.25, which as versions it is not. Raises InvalidRequest as evaluate does.
    """
    operator, value, _ = expression
    if operator in ORDERINGS and isinstance(actual, bool):
        raise InvalidRequest(f"{text_of(actual)} is not a version or a number")
    found, expected = read_number(actual), parse_number(value)
    if operator == EXACT or found is None or expected is None:
        return evaluate(expression, text_of(actual))
    if operator in (EQUAL, NOT_EQUAL):
        return (found == expected) == (operator == EQUAL)
    return ORDERINGS[operator]((found > expected) - (found < expected), 0)


def _compare(found: Version, expected: Version) -> int:
    """Return -1, 0 or 1; raise InvalidRequest if the constraint's suffix cannot be compared."""
    order = compare_versions(found, expected)
    if order or not expected.extras:
        return order
    build = None
    if found.precision == expected.precision:
        build = compare_builds(found.extras, expected.extras)
    if build is None:
        suffix = found.extras or "no suffix"
        raise InvalidRequest(f"{suffix} cannot be compared with {expected.extras}")
    return build


def _is_equal(expression: Expression, actual: str) -> bool:
    if expression.is_version:
        try:
            found, expected = parse_version(actual), parse_version(expression.value)
        except InvalidRequest:
            return actual == expression.value
        # A suffix of the constraint counts; one of the reading alone does not.
        has_build = not expected.extras or compare_builds(found.extras, expected.extras) == 0
        return equal_versions(found, expected) and has_build
    return actual == expression.value
