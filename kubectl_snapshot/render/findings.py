"""Render findings: as text, as JSON, and as results of rules for the formats of `check`. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from kubectl_snapshot.document.findings.spec import CRITICAL, INFO, SEVERITIES, WARNING
from kubectl_snapshot.document.number_ranges import collapse_numbers
from kubectl_snapshot.document.paths import ConstraintPath
from kubectl_snapshot.document.rules.constraints import Constraint, Expression
from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN, Verdict
from kubectl_snapshot.document.rules.results import RuleResult
from kubectl_snapshot.document.rules.rule_file import ERROR, Rule
from kubectl_snapshot.render.check.results import CheckReport
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kubectl_snapshot.document.findings.spec import (
        Finding,
        FindingSpec,
        NodeFindings,
        Proof,
        Unknown,
    )

TOOL = "kubectl-snapshot findings"
WIDTH = 10
# In text, proofs of one finding and ids of unknown ones; wide, JSON and HTML have all.
MOST_PROOFS, MOST_IDS = 3, 4
# A finding is no rule of a user.
NO_CONSTRAINT = Constraint(ConstraintPath("", "", ""), Expression("", "", False))


class News(NamedTuple):
    """What is `new` or `gone` between two snapshots, worst first, and what was muted in one."""

    found: tuple[tuple[str, Finding], ...] = ()
    muted: tuple[tuple[str, str], ...] = ()


def render_text(findings: NodeFindings, is_wide: bool = False) -> str:
    """Return the findings with proof and fix, the unknown ones by reason, and the counts."""
    lines: list[str] = []
    for finding in findings.found:
        lines += _list_finding(finding, is_wide)
    for unknown in findings.unknown:
        lines.append(_row(UNKNOWN, f"{unknown.reason}: {name_specs(unknown.specs, is_wide)}"))
    if is_wide:
        lines += [_row("ok", spec.id) for spec in findings.fine]
    lines += [_row("muted", describe_mute(*mute)) for mute in findings.muted]
    return "".join(f"{line}\n" for line in [*lines, count_findings(findings)])


def render_brief(findings: NodeFindings, title_width: int) -> str:
    """Return the critical findings and warnings below the counts, as lines of a summary."""
    lines = [("findings", count_findings(findings))]
    for finding in findings.found:
        if finding.spec.severity != INFO:
            lines.append((finding.spec.severity, f"{finding.spec.id}: {finding.text}"))
            lines.append(("", f"fix: {finding.spec.todo}"))
    return "".join(f"{title:<{title_width}}{text}\n" for title, text in lines)


def list_news(before: NodeFindings, after: NodeFindings) -> News:
    """Return the `new` and `gone` findings of two snapshots; unknown is not gone."""
    known = {finding.key for finding in before.found}
    kept = {finding.key for finding in after.found}
    lost = {spec.id for unknown in after.unknown for spec in unknown.specs}
    lost |= {id_ for id_, _ in after.muted}
    new = (("new", finding) for finding in after.found if finding.key not in known)
    gone = (f for f in before.found if f.key not in kept and f.spec.id not in lost)
    muted = dict(before.muted + after.muted)
    return News((*new, *(("gone", finding) for finding in gone)), tuple(muted.items()))


def render_news(news: News) -> list[str]:
    """Return a line for each new or gone finding, and for each muted one."""
    lines = [f"{sign} {f.spec.severity}: {f.spec.id}: {f.text}" for sign, f in news.found]
    return [*lines, *(f"muted: {describe_mute(*mute)}" for mute in news.muted)]


def count_findings(findings: NodeFindings) -> str:
    """Return `2 critical, 1 warning, 12 unknown`."""
    counts = {severity: findings.count(severity) for severity in SEVERITIES}
    counts[UNKNOWN] = len({s.id for unknown in findings.unknown for s in unknown.specs})
    counts["muted"] = len(findings.muted)
    words = (f"{n} {name}{'s' * (name == WARNING and n > 1)}" for name, n in counts.items() if n)
    return ", ".join(words) or "no findings"


def describe_mute(id_: str, reason: str) -> str:
    """Return a muted finding with the reason of the user."""
    return single_line(f"{id_}: {reason}" if reason else id_)


def name_specs(specs: Iterable[FindingSpec], is_wide: bool) -> str:
    """Return the ids of unknown findings, of many the first."""
    ids = [spec.id for spec in specs]
    if is_wide or len(ids) <= MOST_IDS:
        return ", ".join(ids)
    return f"{', '.join(ids[:MOST_IDS])} and {len(ids) - MOST_IDS} more"


def render_json(findings: NodeFindings, source: str, metadata: Mapping[str, str]) -> str:
    """Return the findings as one JSON object."""
    document = {
        "source": source,
        "node": metadata.get("source-node", ""),
        "timestamp": metadata.get("timestamp", ""),
        "summary": {severity: findings.count(severity) for severity in SEVERITIES},
        "findings": list(map(build_finding, findings.found)),
        "unknown": [
            {"reason": unknown.reason, "ids": [spec.id for spec in unknown.specs]}
            for unknown in findings.unknown
        ],
        "ok": [spec.id for spec in findings.fine],
        "muted": build_muted(findings.muted),
    }
    return json.dumps(document, indent=2) + "\n"


def build_muted(muted: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Return muted findings as maps."""
    return [{"id": id_, "reason": reason} for id_, reason in muted]


def build_finding(finding: Finding) -> dict[str, Any]:
    """Return a finding as a map."""
    spec = finding.spec
    return {
        "id": spec.id,
        "severity": spec.severity,
        "on": finding.on,
        "text": finding.text,
        "proof": [proof._asdict() for proof in finding.proof],
        "fix": spec.todo,
        "source": spec.source,
    }


def build_report(
    findings: NodeFindings,
    source: str,
    metadata: Mapping[str, str],
    fail_on: tuple[str, ...],
    has_each: bool = False,
) -> CheckReport:
    """Return the findings as results of rules; those of `fail_on` fail.

    `has_each`: what is fine is a result, too, and each unknown finding, not each reason.
    """
    results = [
        *(_build_result(finding, fail_on) for finding in findings.found),
        *(_list_unknown(findings) if has_each else map(_build_reason, findings.unknown)),
        *(_build_fine(spec) for spec in findings.fine if has_each),
    ]
    counts = count_findings(findings)
    return CheckReport(source, metadata, results, tool=TOOL, counts=counts)


def _list_finding(finding: Finding, is_wide: bool) -> Iterator[str]:
    spec = finding.spec
    yield _row(spec.severity, f"{spec.id}: {finding.text}")
    if spec.severity == INFO and not is_wide:
        return
    for text in describe_proofs(finding.proof, len(finding.proof) if is_wide else MOST_PROOFS):
        yield _row("", f"proof: {text}")
    yield _row("", f"fix: {spec.todo}")
    if is_wide:
        yield _row("", f"see: {spec.source}")


def describe_proofs(proofs: Iterable[Proof], limit: int) -> list[str]:
    """Return `PATH is VALUE` for each reading, equal ones of several devices as one."""
    paths: dict[str, list[str]] = {}
    for proof in proofs:
        paths.setdefault(proof.value, []).append(proof.path)
    texts = [f"{path} is {value}" for value, of in paths.items() for path in collapse_numbers(of)]
    more = len(texts) - limit
    return [*texts[:limit], *([f"and {more} more"] if more > 0 else [])]


def _row(mark: str, text: str) -> str:
    return f"{mark:<{WIDTH}}{text}"


def _build_rule(spec: FindingSpec, text: str) -> Rule:
    severity = {CRITICAL: ERROR, WARNING: WARNING}.get(spec.severity, INFO)
    return Rule(spec.id, NO_CONSTRAINT, severity, text, spec.todo, spec.source)


def _build_result(finding: Finding, fail_on: tuple[str, ...]) -> RuleResult:
    rule = _build_rule(finding.spec, finding.text)
    if finding.spec.severity in fail_on:
        rule = Rule(rule.name, rule.constraint, ERROR, rule.message, rule.remediation, rule.source)
    text = "; ".join(describe_proofs(finding.proof, MOST_PROOFS))
    path = finding.proof[0].path
    return RuleResult(rule, Verdict(path, FAILED), True, text, finding.spec.severity)


def _build_fine(spec: FindingSpec) -> RuleResult:
    rule = _build_rule(spec, "")
    return RuleResult(rule, Verdict(rule.constraint.path.text, HELD), mark="ok")


def _build_reason(unknown: Unknown) -> RuleResult:
    """Return the result of one reason, which names the findings that are unknown."""
    text = f"{unknown.reason}: {name_specs(unknown.specs, False)}"
    rule = Rule(UNKNOWN, NO_CONSTRAINT, INFO)
    return RuleResult(rule, Verdict(NO_CONSTRAINT.path.text, UNKNOWN), True, text, UNKNOWN)


def _list_unknown(findings: NodeFindings) -> Iterator[RuleResult]:
    """Yield a result for each finding that is unknown and not also found, with its reasons."""
    found = {finding.spec.id for finding in findings.found}
    specs: dict[str, FindingSpec] = {}
    reasons: dict[str, list[str]] = {}
    for unknown in findings.unknown:
        for spec in unknown.specs:
            specs[spec.id] = spec
            reasons.setdefault(spec.id, []).append(unknown.reason)
    for id_, spec in specs.items():
        verdict = Verdict(NO_CONSTRAINT.path.text, UNKNOWN)
        text = "; ".join(reasons[id_])
        if id_ not in found:
            yield RuleResult(_build_rule(spec, ""), verdict, True, text, UNKNOWN)
