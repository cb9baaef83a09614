"""Render the results of `check` as text or JSON. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN
from kubectl_snapshot.document.rules.results import SKIPPED, WARNED, count_outcomes
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.rules.results import Finding

MARKS = {HELD: "ok", FAILED: "FAIL", WARNED: "warn", UNKNOWN: "unknown", SKIPPED: "skipped"}


@dataclass(frozen=True)
class CheckReport:
    """All results about one snapshot; `source` is the user's name for it."""

    source: str
    metadata: Mapping[str, str]
    findings: Sequence[Finding]
    is_strict: bool = False


def render_text(report: CheckReport) -> str:
    """Return a line per result, message and fix below each failure, and the counts."""
    width = max(map(len, MARKS.values()))
    lines = []
    for finding in report.findings:
        lines.append(f"{MARKS[finding.outcome]:{width}}  {describe(finding)}")
        if finding.outcome in (FAILED, WARNED):
            rule = finding.rule
            details = (("why", rule.message), ("fix", rule.remediation), ("see", rule.source))
            lines += [f"{'':{width}}  {name}: {text}" for name, text in details if text]
    counted = count_outcomes(report.findings)
    words = ", ".join(f"{number} {outcome}" for outcome, number in counted.items() if number)
    return "".join(f"{strip_control(line)}\n" for line in [*lines, words])


def describe(finding: Finding) -> str:
    """Return actual and expected value: `name: PATH is 1.31, not >= 1.32`."""
    constraint, verdict = finding.rule.constraint, finding.verdict
    expression = constraint.expression.text
    if verdict.outcome == HELD:
        text = f"{verdict.path} is {verdict.actual}"
    elif verdict.outcome == FAILED:
        text = f"{verdict.path} is {verdict.actual}, not {expression}"
    else:
        text = f"{verdict.path} {expression}: {verdict.reason}"
    # A constraint without a rule is its own name.
    return text if finding.rule.name == constraint.text else f"{finding.rule.name}: {text}"


def render_json(report: CheckReport) -> str:
    """Return the results as one JSON object."""
    document = {
        "source": report.source,
        "node": report.metadata.get("source-node", ""),
        "timestamp": report.metadata.get("timestamp", ""),
        "summary": count_outcomes(report.findings),
        "results": [_build_result(finding) for finding in report.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _build_result(finding: Finding) -> dict[str, Any]:
    rule, verdict = finding.rule, finding.verdict
    return {
        "name": rule.name,
        "path": verdict.path,
        "constraint": rule.constraint.expression.text,
        "severity": rule.severity,
        "outcome": finding.outcome,
        "actual": verdict.actual,
        "reason": verdict.reason,
        "message": rule.message,
        "remediation": rule.remediation,
        "source": rule.source,
        "place": rule.place,
    }
