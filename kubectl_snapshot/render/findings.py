"""What rules found, as text for people and as JSON. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.document.findings import FAILED, HELD, SKIPPED, UNKNOWN, count_outcomes
from kubectl_snapshot.document.rules import ERROR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.findings import Finding

MARKS = {HELD: "ok", FAILED: "FAIL", UNKNOWN: "unknown", SKIPPED: "skipped"}
WARNING_MARK = "warn"


@dataclass(frozen=True)
class Report:
    """All findings about one document, which `source` names as the user did."""

    source: str
    metadata: Mapping[str, str]
    findings: Sequence[Finding]
    is_strict: bool = False


def render_text(report: Report) -> str:
    """Return a line for each finding, below those that did not hold what to do, and the count."""
    width = max(map(len, (*MARKS.values(), WARNING_MARK)))
    lines = []
    for finding in report.findings:
        lines.append(f"{_mark(finding):{width}}  {describe(finding)}")
        if finding.verdict.outcome == FAILED:
            rule = finding.rule
            told = (("why", rule.message), ("fix", rule.remediation), ("see", rule.source))
            lines += [f"{'':{width}}  {name}: {text}" for name, text in told if text]
    counted = count_outcomes(report.findings)
    words = ", ".join(f"{number} {outcome}" for outcome, number in counted.items() if number)
    return "".join(f"{_printable(line)}\n" for line in [*lines, words])


def describe(finding: Finding) -> str:
    """Return what was wanted and what is there: `name: PATH is 1.31, not >= 1.32`."""
    constraint, verdict = finding.rule.constraint, finding.verdict
    expression = constraint.expression.text
    if verdict.outcome == HELD:
        text = f"{verdict.path} is {verdict.actual}"
    elif verdict.outcome == FAILED:
        text = f"{verdict.path} is {verdict.actual}, not {expression}"
    else:
        text = f"{verdict.path} {expression}: {verdict.reason}"
    # A constraint alone is its own name.
    return text if finding.rule.name == constraint.text else f"{finding.rule.name}: {text}"


def render_json(report: Report) -> str:
    """Return the findings as one JSON object."""
    document = {
        "source": report.source,
        "node": report.metadata.get("source-node", ""),
        "timestamp": report.metadata.get("timestamp", ""),
        "summary": count_outcomes(report.findings),
        "results": [_build_result(finding) for finding in report.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _mark(finding: Finding) -> str:
    is_warning = finding.verdict.outcome == FAILED and finding.rule.severity != ERROR
    return WARNING_MARK if is_warning else MARKS[finding.verdict.outcome]


def _build_result(finding: Finding) -> dict[str, Any]:
    rule, verdict = finding.rule, finding.verdict
    return {
        "name": rule.name,
        "path": verdict.path,
        "constraint": rule.constraint.expression.text,
        "severity": rule.severity,
        "outcome": verdict.outcome,
        "actual": verdict.actual,
        "reason": verdict.reason,
        "message": rule.message,
        "remediation": rule.remediation,
        "source": rule.source,
        "place": rule.place,
    }


def _printable(text: str) -> str:
    """Return a text in one line on which no word of a node acts as a terminal's command."""
    return "".join(c if c.isprintable() else " " for c in text)
