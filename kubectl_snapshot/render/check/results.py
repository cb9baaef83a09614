"""Render the results of `check` as text or JSON. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN
from kubectl_snapshot.document.rules.results import SKIPPED, WARNED, count_outcomes, has_applied
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.render.check.groups import group_results
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.rules.results import RuleResult
    from kubectl_snapshot.render.check.groups import Group

TOOL = "kubectl-snapshot check"
MARKS = {HELD: "ok", FAILED: "FAIL", WARNED: "warn", UNKNOWN: "unknown", SKIPPED: "skipped"}

# A node's values can be of any length; JSON has them whole.
MAX_SHOWN = 300


@dataclass(frozen=True)
class CheckReport:
    """All results about one snapshot; `source` is the user's name for it.

    `only_failed`: show only what failed or, if that counts, is unknown. `tool` and `counts`, the
    last line, are other ones where findings are shown.
    """

    source: str
    metadata: Mapping[str, str]
    results: Sequence[RuleResult]
    is_strict: bool = False
    only_failed: bool = False
    tool: str = TOOL
    counts: str = ""

    @property
    def shown(self) -> Sequence[RuleResult]:
        """Return the results to show."""
        outcomes = (FAILED, WARNED, *((UNKNOWN,) if self.is_strict else ()))
        return [
            f
            for f in self.results
            if not self.only_failed or f.outcome in outcomes or f.is_counted(self.is_strict)
        ]

    @property
    def groups(self) -> list[Group]:
        """Return the results to show, worst first, equal ones of several devices as one."""
        return group_results(self.shown)

    @property
    def summary(self) -> str:
        """Return how many results have each outcome, and that no rule applied."""
        if self.counts:
            return self.counts
        counted = count_outcomes(self.results)
        words = [f"{number} {outcome}" for outcome, number in counted.items() if number]
        return ", ".join(words if has_applied(self.results) else [*words, "no rule applied"])


def render_text(report: CheckReport) -> str:
    """Return a line per result, message and fix below each failure, and the counts."""
    width = max(map(len, MARKS.values()))
    lines = []
    for group in report.groups:
        lines.append(f"{MARKS[group.first.outcome]:{width}}  {describe(group.first, group.path)}")
        if group.first.outcome in (FAILED, WARNED):
            rule = group.first.rule
            details = (("why", rule.message), ("fix", rule.remediation), ("see", rule.source))
            lines += [f"{'':{width}}  {name}: {text}" for name, text in details if text]
    return "".join(f"{strip_control(line)}\n" for line in [*lines, report.summary])


def describe(result: RuleResult, path: str = "") -> str:
    """Return actual and expected value: `name: PATH is 1.31, not >= 1.32`.

    `path` is of several results, if not the result's own.
    """
    text = describe_verdict(result, path)
    # A constraint without a rule is its own name; a rule of a baseline has its path's.
    name, constraint = result.rule.name, result.rule.constraint
    return text if name in (constraint.text, constraint.subject) else f"{name}: {text}"


def describe_verdict(result: RuleResult, path: str = "") -> str:
    """Return actual and expected value without the rule's name."""
    if result.text:
        return result.text
    expression, verdict = result.rule.constraint.expression, result.verdict
    path = path or verdict.path
    if verdict.outcome not in (HELD, FAILED):
        return f"{path} {expression.text}: {_shorten(verdict.reason)}"
    reason = f" ({_shorten(verdict.reason)})" if verdict.reason else ""
    text = f"{path} is {_shorten(str(verdict.actual))}{reason}"
    if verdict.outcome == HELD:
        return text
    value, _, right = verdict.expected.partition(" (")
    is_one = path == verdict.path
    expected = f"{value} ({right}" if is_one and right else value or expression.value
    if right and not is_one:
        expected = f"{value} ({expression.value})"
    return f"{text}, not {' '.join(filter(None, (expression.operator, expected)))}"


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def render_json(report: CheckReport) -> str:
    """Return the results as one JSON object."""
    document = {
        "source": report.source,
        "node": report.metadata.get("source-node", ""),
        "timestamp": report.metadata.get("timestamp", ""),
        "summary": count_outcomes(report.results),
        "applied": has_applied(report.results),
        "results": [build_result(result) for result in report.shown],
    }
    return json.dumps(document, indent=2) + "\n"


def build_result(result: RuleResult) -> dict[str, Any]:
    """Return one result as a map."""
    rule, verdict = result.rule, result.verdict
    return {
        "name": rule.name,
        "path": verdict.path,
        "constraint": rule.constraint.expression.text,
        "severity": rule.severity,
        "outcome": result.outcome,
        "actual": verdict.actual,
        "expected": verdict.expected,
        "reason": verdict.reason,
        "message": rule.message,
        "remediation": rule.remediation,
        "source": rule.source,
        "place": rule.place,
    }
