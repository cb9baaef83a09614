"""Render the findings of a fleet: a row or suite for each node, each finding once. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.direction import natural_key
from kubectl_snapshot.document.findings.spec import INFO, SEVERITIES
from kubectl_snapshot.document.rules.judge import UNKNOWN
from kubectl_snapshot.render.check.junit import render_suites
from kubectl_snapshot.render.columns import render_columns
from kubectl_snapshot.render.findings import WIDTH, build_finding, build_report
from kubectl_snapshot.render.fleet.text import SHOWN_NODES, count, name_nodes
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.document.findings.spec import Finding, NodeFindings

    Missing = Sequence[tuple[str, str]]

HEAD = ("WORST", "NODE", *(severity.upper() for severity in SEVERITIES), "UNKNOWN")


class NodeReport(NamedTuple):
    """The findings of one node of a fleet."""

    node: str
    metadata: Mapping[str, str]
    findings: NodeFindings

    @property
    def worst(self) -> str:
        """Return the severity of the worst finding, else `unknown` or `ok`."""
        if self.findings.found:
            return self.findings.found[0].spec.severity
        return UNKNOWN if self.findings.unknown else "ok"

    @property
    def counts(self) -> tuple[int, ...]:
        """Return how many findings are of each severity, and how many cannot be judged."""
        unknown = {spec.id for reason in self.findings.unknown for spec in reason.specs}
        return (*map(self.findings.count, SEVERITIES), len(unknown))


def rank(report: NodeReport) -> tuple[object, ...]:
    """Return a sort key: the most critical findings first, then warnings, info and unknown."""
    return (*(-number for number in report.counts), natural_key(report.node))


def render(
    name: str,
    fleet: str,
    reports: Sequence[NodeReport],
    missing: Missing,
    fail_on: tuple[str, ...],
) -> str:
    """Return the findings in the format `text`, `json` or `junit`."""
    if name == "junit":
        return render_suites(
            [build_report(r.findings, r.node, r.metadata, fail_on, True) for r in reports]
        )
    return (_render_json if name == "json" else _render_text)(fleet, reports, missing)


def _render_text(fleet: str, reports: Sequence[NodeReport], missing: Missing) -> str:
    rows = [(report.worst, report.node, *map(str, report.counts)) for report in reports]
    lines = render_columns([HEAD, *rows]).splitlines()
    lines += _list_findings(reports)
    if missing:
        lines += ["", *(f"{UNKNOWN:{WIDTH}}{node}: {reason}" for node, reason in missing)]
    sick = sum(report.worst == SEVERITIES[0] for report in reports)
    total = f"{fleet}: {sick:,} of {count(len(reports), 'node')} critical"
    without = f", {len(missing):,} without a snapshot" if missing else ""
    return "".join(f"{strip_control(line)}\n" for line in [*lines, "", total + without])


def _list_findings(reports: Sequence[NodeReport]) -> Iterator[str]:
    """Yield each finding but the infos once, with its nodes; the worst and most frequent first."""
    nodes: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], Finding] = {}
    for report in reports:
        for finding in report.findings.found:
            if finding.spec.severity != INFO:
                key = (finding.spec.id, finding.text)
                first.setdefault(key, finding)
                nodes.setdefault(key, []).append(report.node)
    if nodes:
        yield ""
    order = SEVERITIES.index
    ranked = sorted(nodes, key=lambda k: (order(first[k].spec.severity), -len(nodes[k])))
    for key in ranked:
        spec = first[key].spec
        yield f"{spec.severity:{WIDTH}}{spec.id}: {first[key].text}"
        listed = name_nodes(sorted(nodes[key], key=natural_key), SHOWN_NODES)
        yield f"{'':{WIDTH}}{count(len(nodes[key]), 'node')}: {listed}"
        yield f"{'':{WIDTH}}fix: {spec.todo}"


def _render_json(fleet: str, reports: Sequence[NodeReport], missing: Missing) -> str:
    tree = {
        "fleet": fleet,
        "nodes": [
            {
                "node": report.node,
                "worst": report.worst,
                "summary": dict(zip((*SEVERITIES, UNKNOWN), report.counts)),
                "findings": list(map(build_finding, report.findings.found)),
            }
            for report in reports
        ],
        "without-snapshot": [{"node": node, "reason": reason} for node, reason in missing],
    }
    return json.dumps(tree, indent=2) + "\n"
