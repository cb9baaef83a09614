"""Check rules against a document: held, failed, unknown, or skipped. Pure.

A reading that is missing, unreadable, redacted, or no version where versions are compared is
unknown, never failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_snapshot.document.paths import find_gaps, find_readings, find_value
from kubectl_snapshot.document.redaction.values import PREFIX
from kubectl_snapshot.document.rules.constraints import evaluate
from kubectl_snapshot.document.rules.rule_file import WARNING
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kubectl_snapshot.document.rules.constraints import Constraint
    from kubectl_snapshot.document.rules.rule_file import Rule
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

HELD, FAILED, UNKNOWN, SKIPPED = "held", "failed", "unknown", "skipped"
# The outcome of a failed rule of severity `warning`.
WARNED = "warned"
OUTCOMES = (HELD, FAILED, WARNED, UNKNOWN, SKIPPED)


@dataclass(frozen=True)
class Verdict:
    """The result of one constraint for one reading. `actual` is its text, None if missing.

    `reason` says why the outcome is unknown.
    """

    path: str
    outcome: str
    actual: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Finding:
    """The result of one rule for one reading."""

    rule: Rule
    verdict: Verdict

    @property
    def outcome(self) -> str:
        """Return the verdict's outcome; a failed rule of severity `warning` is WARNED."""
        is_warning = self.verdict.outcome == FAILED and self.rule.severity == WARNING
        return WARNED if is_warning else self.verdict.outcome


def check_rules(rules: Iterable[Rule], snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return the findings of all rules in order: one per reading that matches the rule's path."""
    return tuple(
        Finding(rule, verdict) for rule in rules for verdict in _check_rule(rule, snapshot)
    )


def count_outcomes(findings: Sequence[Finding]) -> Mapping[str, int]:
    """Return how many findings have each outcome."""
    found = [finding.outcome for finding in findings]
    return {outcome: found.count(outcome) for outcome in OUTCOMES}


def judge(constraint: Constraint, snapshot: Snapshot) -> Iterator[Verdict]:
    """Yield a verdict for each reading that matches the constraint's path, at least one."""
    path = constraint.path.text
    if "*" not in path:
        try:
            yield _judge_value(constraint, path, find_value(snapshot, constraint.path))
        except NotFound as e:
            yield Verdict(path, UNKNOWN, reason=e.why)
        return
    readings, gaps = find_readings(snapshot, path), find_gaps(snapshot, path)
    for found, value in readings.items():
        yield _judge_value(constraint, found, value)
    for gap, reason in gaps.items():
        yield Verdict(gap, UNKNOWN, reason=reason)
    if not readings and not gaps:
        yield Verdict(path, UNKNOWN, reason="nothing in the snapshot matches it")


def _check_rule(rule: Rule, snapshot: Snapshot) -> Iterator[Verdict]:
    conditions = [(c, verdict) for c in rule.when for verdict in judge(c, snapshot)]
    path = rule.constraint.path.text
    for outcome, result in ((FAILED, SKIPPED), (UNKNOWN, UNKNOWN)):
        for condition, verdict in conditions:
            if verdict.outcome == outcome:
                found = verdict.reason or f"{verdict.path} is {verdict.actual}"
                yield Verdict(path, result, reason=f"only when {condition.text}: {found}")
                return
    yield from judge(rule.constraint, snapshot)


def _judge_value(constraint: Constraint, path: str, value: Scalar) -> Verdict:
    actual, expression = text_of(value), constraint.expression
    if PREFIX in actual and PREFIX not in expression.value:
        return Verdict(path, UNKNOWN, actual, "the reading is redacted")
    try:
        outcome = HELD if evaluate(expression, actual) else FAILED
    except InvalidRequest as e:
        return Verdict(path, UNKNOWN, actual, f"{e.what}: {e.why}" if e.why else e.what)
    return Verdict(path, outcome, actual)
