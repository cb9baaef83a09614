"""What rules find in a document: held, failed, unknown, or skipped. Pure, knows no format.

What cannot be judged is unknown, never failed: a reading that is not there, was not readable, is
redacted, or is no version where versions are compared.
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
# What a rule that is only a warning does instead of failing.
WARNED = "warned"
OUTCOMES = (HELD, FAILED, WARNED, UNKNOWN, SKIPPED)


@dataclass(frozen=True)
class Verdict:
    """Whether one reading keeps to a constraint. `actual` is its text, None if there is none.

    `reason` says why it is not known.
    """

    path: str
    outcome: str
    actual: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Finding:
    """What one rule says of one reading."""

    rule: Rule
    verdict: Verdict

    @property
    def outcome(self) -> str:
        """Return the outcome of the verdict, seen with the rule's severity."""
        is_warning = self.verdict.outcome == FAILED and self.rule.severity == WARNING
        return WARNED if is_warning else self.verdict.outcome


def check_rules(rules: Iterable[Rule], snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return what each rule finds, in their order: a finding per reading its path stands for."""
    return tuple(
        Finding(rule, verdict) for rule in rules for verdict in _check_rule(rule, snapshot)
    )


def count_outcomes(findings: Sequence[Finding]) -> Mapping[str, int]:
    """Return how many findings have each outcome."""
    found = [finding.outcome for finding in findings]
    return {outcome: found.count(outcome) for outcome in OUTCOMES}


def judge(constraint: Constraint, snapshot: Snapshot) -> Iterator[Verdict]:
    """Yield a verdict for each reading that the constraint's path stands for, at least one."""
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
