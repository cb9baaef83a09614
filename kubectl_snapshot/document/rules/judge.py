"""The verdicts of one constraint on a document. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import WHITE_SPACE
from kubectl_snapshot.document.known_paths import (
    Missing,
    explain_missing,
    find_lacking,
    find_subtypes,
)
from kubectl_snapshot.document.paths import (
    describe_status,
    find_gaps,
    find_readings,
    find_value,
    parse_path,
    rest_of_pattern,
)
from kubectl_snapshot.document.redaction.values import PREFIX
from kubectl_snapshot.document.registry import FALSE, UNSET
from kubectl_snapshot.document.rules import gpu_nodes
from kubectl_snapshot.document.rules.constraints import (
    COUNT,
    LABEL,
    NOT_EQUAL,
    ORDERINGS,
    STATUS,
    TAINT,
    Expression,
    compare_reading,
)
from kubectl_snapshot.document.rules.node_groups import find_on_node
from kubectl_snapshot.document.rules.numbers import parse_number
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import GAP_STATUSES
from kubectl_snapshot.document.versions import looks_like_version
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.rules.constraints import Constraint
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

HELD, FAILED, UNKNOWN = "held", "failed", "unknown"
NOT_SET = "not set"
# More than any count; see _judge_count.
MANY = 10**9


@dataclass(frozen=True)
class Verdict:
    """The result of one constraint for one reading. `actual` is its text, None if missing.

    `reason` says why the outcome is unknown, or why the actual value is what it is. `expected` is
    the reading that a path on the right side has.
    """

    path: str
    outcome: str
    actual: str | None = None
    reason: str = ""
    expected: str = ""


def judge(constraint: Constraint, snapshot: Snapshot, registry: Registry = ()) -> Iterator[Verdict]:
    """Yield a verdict for each reading that matches the constraint's path, at least one.

    Without a registry a missing reading is unknown, whatever its path.
    """
    function = constraint.function
    if constraint.alternatives:
        yield from _judge_alternatives(constraint, snapshot, registry)
    elif constraint.path.text == gpu_nodes.PATH:
        yield _judge_gpu_nodes(constraint, snapshot)
    elif function == STATUS:
        yield from _judge_status(constraint, snapshot)
    elif function == COUNT:
        yield _judge_count(constraint, snapshot)
    elif function in (LABEL, TAINT):
        found = find_on_node(snapshot, function, constraint.path.key)
        if isinstance(found, Missing):
            yield _judge_missing(constraint, constraint.subject, found)
        else:
            yield _judge_value(constraint, constraint.subject, found, constraint.expression)
    elif "*" in constraint.path.text:
        yield from _judge_pattern(constraint, snapshot, registry)
    else:
        yield _judge_path(constraint, snapshot, registry)


def _judge_alternatives(
    constraint: Constraint, snapshot: Snapshot, registry: Registry
) -> Iterator[Verdict]:
    """Yield, for each reading, the verdict on the best alternative: that on its worst term."""
    judged = [
        [{v.path: v for v in judge(term, snapshot, registry)} for term in terms]
        for terms in constraint.alternatives
    ]
    for path in judged[0][0]:
        worst = [min((term[path] for term in terms), key=_rank) for terms in judged]
        yield max(worst, key=_rank)


def _rank(verdict: Verdict) -> int:
    return (FAILED, UNKNOWN, HELD).index(verdict.outcome)


def _judge_gpu_nodes(constraint: Constraint, snapshot: Snapshot) -> Verdict:
    condition = gpu_nodes.parse_condition(constraint.expression.value)
    found = gpu_nodes.find_breaking_nodes(snapshot, condition)
    if isinstance(found, Missing):
        return Verdict(gpu_nodes.PATH, UNKNOWN, reason=found.reason)
    return Verdict(gpu_nodes.PATH, FAILED if found.breaking else HELD, found.text)


def _judge_path(constraint: Constraint, snapshot: Snapshot, registry: Registry) -> Verdict:
    path = constraint.path.text
    try:
        value = find_value(snapshot, constraint.path)
    except NotFound as e:
        missing = explain_missing(path, snapshot, registry) if registry else Missing(e.why)
        return _judge_missing(constraint, path, missing)
    return _judge_reading(constraint, path, value, snapshot, registry)


def _judge_pattern(
    constraint: Constraint, snapshot: Snapshot, registry: Registry
) -> Iterator[Verdict]:
    pattern = constraint.path.text
    readings = find_readings(snapshot, pattern)
    unknown = find_gaps(snapshot, pattern)
    if registry:
        unknown = {**unknown, **find_lacking(pattern, snapshot, registry)}
    for path, value in readings.items():
        yield _judge_reading(constraint, path, value, snapshot, registry)
    for path, reason in unknown.items():
        yield Verdict(path, UNKNOWN, reason=reason)
    if not readings and not unknown:
        yield Verdict(pattern, UNKNOWN, reason="nothing in the snapshot matches it")


def _judge_reading(
    constraint: Constraint, path: str, value: Scalar, snapshot: Snapshot, registry: Registry
) -> Verdict:
    if not constraint.right:
        return _judge_value(constraint, path, value, constraint.expression)
    right = bind_stars(constraint.path.text, path, constraint.right)
    try:
        expected = text_of(find_value(snapshot, parse_path(right, None)))
    except NotFound as e:
        missing = explain_missing(right, snapshot, registry) if registry else Missing(e.why)
        return Verdict(path, UNKNOWN, text_of(value), f"{right}: {missing.reason}")
    if PREFIX in expected:
        return Verdict(path, UNKNOWN, text_of(value), f"{right} is redacted")
    operator, text = constraint.expression.operator, expected.strip(WHITE_SPACE)
    expression = Expression(operator, text, operator in ORDERINGS or looks_like_version(text))
    verdict = _judge_value(constraint, path, value, expression)
    return Verdict(path, verdict.outcome, verdict.actual, verdict.reason, f"{expected} ({right})")


def bind_stars(pattern: str, path: str, other: str) -> str:
    """Return another pattern with each `*` as in a path that matches the first pattern.

    A `*` stands for as little as it can, and for no dot if it can do without.
    """
    for star in (r"([^.]*)", r"(.*?)"):
        regex = star.join(re.escape(part) for part in pattern.split("*"))
        match = re.fullmatch(regex, path, re.DOTALL)
        if match:
            first, *rest = other.split("*")
            return first + "".join(a + b for a, b in zip(match.groups(), rest))
    return other


def _judge_value(
    constraint: Constraint, path: str, value: Scalar, expression: Expression
) -> Verdict:
    actual = text_of(value)
    if PREFIX in actual:
        return Verdict(path, UNKNOWN, actual, "the reading is redacted")
    try:
        outcome = HELD if compare_reading(expression, value) else FAILED
    except InvalidRequest as e:
        return Verdict(path, UNKNOWN, actual, f"{e.what}: {e.why}" if e.why else e.what)
    return Verdict(path, outcome, actual)


def _judge_missing(constraint: Constraint, path: str, missing: Missing) -> Verdict:
    """Return the verdict on what was looked for and is not there; unknown if it was not read."""
    if missing.meaning == FALSE:
        verdict = _judge_value(constraint, path, False, constraint.expression)
        return Verdict(path, verdict.outcome, verdict.actual, missing.reason)
    if missing.meaning == UNSET:
        outcome = HELD if constraint.expression.operator == NOT_EQUAL else FAILED
        return Verdict(path, outcome, NOT_SET, missing.reason)
    return Verdict(path, UNKNOWN, reason=missing.reason)


def _judge_status(constraint: Constraint, snapshot: Snapshot) -> Iterator[Verdict]:
    found = find_subtypes(snapshot, constraint.pattern)
    for path, subtype in found.items():
        verdict = _judge_value(constraint, f"status({path})", subtype.status, constraint.expression)
        yield Verdict(
            verdict.path, verdict.outcome, verdict.actual, subtype.context.get("reason", "")
        )
    if not found:
        yield Verdict(constraint.subject, UNKNOWN, reason="nothing in the snapshot matches it")


def _judge_count(constraint: Constraint, snapshot: Snapshot) -> Verdict:
    """Return the verdict on the number of readings or subtypes.

    What could not be read may match as well: the verdict is unknown where more would change it.
    """
    number, gaps = _count(constraint, snapshot)
    path, expression = constraint.subject, constraint.expression
    verdict = _judge_value(constraint, path, number, expression)
    if not gaps or verdict.outcome == UNKNOWN:
        return verdict
    if expression.operator in ORDERINGS:
        is_certain = _judge_value(constraint, path, MANY, expression).outcome == verdict.outcome
    else:
        expected = parse_number(expression.value)
        is_certain = expected is not None and number > expected
    return verdict if is_certain else Verdict(path, UNKNOWN, str(number), gaps[0])


def _count(constraint: Constraint, snapshot: Snapshot) -> tuple[int, list[str]]:
    """Return how many there are, and the reasons why there may be more."""
    pattern = constraint.pattern
    subtypes = find_subtypes(snapshot, pattern)
    if subtypes:
        return len(subtypes), []
    readings, gaps = find_readings(snapshot, pattern), find_gaps(snapshot, pattern)
    if readings or gaps:
        return len(readings), list(gaps.values())
    all_of_type = find_subtypes(snapshot, f"{constraint.path.type}.*")
    if any(rest_of_pattern(f"{path}.", pattern) is not None for path in all_of_type):
        return 0, []
    if not all_of_type or "*" not in constraint.path.subtype:
        return 0, [f"the snapshot has no {pattern}"]
    return 0, [
        describe_status(constraint.path.type, subtype)
        for subtype in all_of_type.values()
        if subtype.status in GAP_STATUSES and not subtype.data
    ]
