"""Check rules against a document: held, failed, unknown, or skipped. Pure.

A reading that could not be read, is redacted, or is no version where versions are compared is
unknown, never failed. A path that cannot exist is an error (document/known_paths).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kubectl_snapshot.document.known_paths import refuse_impossible, refuse_impossible_subtype
from kubectl_snapshot.document.rules import gpu_nodes
from kubectl_snapshot.document.rules.constraints import LABEL, STATUS, TAINT
from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN, Verdict, judge
from kubectl_snapshot.document.rules.rule_file import INFO, WARNING
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.rules.constraints import Constraint
    from kubectl_snapshot.document.rules.rule_file import Rule
    from kubectl_snapshot.document.snapshot import Snapshot

SKIPPED = "skipped"
# The outcome of a failed rule of severity `warning`.
WARNED = "warned"
# That of a finding of severity `info`; no rule has it.
NOTED = "noted"
OUTCOMES = (HELD, FAILED, WARNED, UNKNOWN, SKIPPED)


@dataclass(frozen=True)
class RuleResult:
    """The result of one rule for one reading. `is_applied`: all of its `when` held.

    A finding is shown as the result of a rule, too: with `text` in place of the two values, and its
    severity in `mark`.
    """

    rule: Rule
    verdict: Verdict
    is_applied: bool = True
    text: str = ""
    mark: str = ""

    @property
    def outcome(self) -> str:
        """Return the verdict's outcome; a failed rule of severity `warning` is WARNED."""
        if self.verdict.outcome != FAILED:
            return self.verdict.outcome
        return {WARNING: WARNED, INFO: NOTED}.get(self.rule.severity, FAILED)

    def is_counted(self, is_strict: bool) -> bool:
        """Return whether the result changes the exit code.

        An unknown one does if that is strict, or if it is what the rule's file requires.
        """
        if self.outcome == UNKNOWN and self.rule.severity != WARNING:
            return is_strict or self.rule.is_requirement
        return self.outcome == FAILED


def check_rules(
    rules: Iterable[Rule], snapshot: Snapshot, registry: Registry = ()
) -> tuple[RuleResult, ...]:
    """Return the results of all rules in order: one per reading that matches the rule's path.

    Raises InvalidRequest for a path that cannot exist, also of a rule that is skipped.
    """
    rules = tuple(rules)
    if registry:
        for rule in rules:
            for constraint in (rule.constraint, *rule.when):
                with _naming(rule):
                    _refuse_impossible(constraint, snapshot, registry)
    return tuple(result for rule in rules for result in _check_rule(rule, snapshot, registry))


def count_outcomes(results: Sequence[RuleResult]) -> Mapping[str, int]:
    """Return how many results have each outcome."""
    found = [result.outcome for result in results]
    return {outcome: found.count(outcome) for outcome in OUTCOMES}


def has_applied(results: Iterable[RuleResult]) -> bool:
    """Return whether any rule applied: none of its conditions failed or is unknown."""
    return any(f.is_applied and not f.rule.is_requirement for f in results)


def _check_rule(rule: Rule, snapshot: Snapshot, registry: Registry) -> Iterator[RuleResult]:
    with _naming(rule):
        conditions = [(c, verdict) for c in rule.when for verdict in judge(c, snapshot, registry)]
    for outcome, becomes in ((FAILED, SKIPPED), (UNKNOWN, UNKNOWN)):
        for condition, verdict in conditions:
            if verdict.outcome == outcome:
                found = verdict.reason or f"{verdict.path} is {verdict.actual}"
                reason = f"only when {condition.text}: {found}"
                yield RuleResult(
                    rule, Verdict(rule.constraint.subject, becomes, reason=reason), False
                )
                return
    with _naming(rule):
        for verdict in judge(rule.constraint, snapshot, registry):
            yield RuleResult(rule, verdict)


def _refuse_impossible(constraint: Constraint, snapshot: Snapshot, registry: Registry) -> None:
    if constraint.function in (LABEL, TAINT) or constraint.path.text == gpu_nodes.PATH:
        return
    if constraint.function == STATUS or not constraint.path.key:
        refuse_impossible_subtype(constraint.pattern, snapshot, registry)
    else:
        refuse_impossible(constraint.path.text, snapshot, registry)
    for term in (constraint, *(t for terms in constraint.alternatives for t in terms)):
        if term.right:
            refuse_impossible(term.right, snapshot, registry)


@contextmanager
def _naming(rule: Rule) -> Iterator[None]:
    """Add file and line of a rule to an error."""
    try:
        yield
    except InvalidRequest as e:
        if not rule.place:
            raise
        raise InvalidRequest(f"{rule.place}: {e.what}", e.why, e.hint) from e
