"""Render the results of `check` for a fleet: a row or suite for each node, worst first. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kubectl_snapshot.document.diff.direction import natural_key
from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN
from kubectl_snapshot.document.rules.results import OUTCOMES, WARNED, count_outcomes
from kubectl_snapshot.render.check.junit import render_suites
from kubectl_snapshot.render.check.results import MARKS, build_result, describe
from kubectl_snapshot.render.columns import render_columns
from kubectl_snapshot.render.fleet.text import SHOWN_NODES, count, name_nodes
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_snapshot.render.check.results import CheckReport

HEAD = ("RESULT", "NODE", *(outcome.upper() for outcome in OUTCOMES))


def render(
    name: str, fleet: str, reports: Sequence[CheckReport], missing: Sequence[tuple[str, str]]
) -> str:
    """Return the results in the format `text`, `json` or `junit`."""
    if name == "junit":
        return render_suites(reports)
    return (_render_json if name == "json" else _render_text)(fleet, reports, missing)


def rank(report: CheckReport) -> tuple[object, ...]:
    """Return a sort key: the most failed rules first, then warnings, then unknown."""
    counted = count_outcomes(report.results)
    return (
        *(-counted[outcome] for outcome in (FAILED, WARNED, UNKNOWN)),
        natural_key(report.source),
    )


def outcome_of(report: CheckReport) -> str:
    """Return the worst outcome of a node."""
    counted = count_outcomes(report.results)
    return next((o for o in (FAILED, WARNED, UNKNOWN, HELD) if counted[o]), OUTCOMES[-1])


def _render_text(
    fleet: str, reports: Sequence[CheckReport], missing: Sequence[tuple[str, str]]
) -> str:
    shown = [r for r in reports if r.shown or not r.only_failed]
    rows = [
        (MARKS[outcome_of(r)], r.source, *map(str, count_outcomes(r.results).values()))
        for r in shown
    ]
    lines = render_columns([HEAD, *rows]).splitlines() if rows else []
    lines += _render_failures(reports)
    if missing:
        lines += ["", *(f"unknown  {node}: {reason}" for node, reason in missing)]
    failed = sum(outcome_of(report) == FAILED for report in reports)
    total = f"{fleet}: {failed:,} of {count(len(reports), 'node')} failed"
    without = f", {len(missing):,} without a snapshot" if missing else ""
    return "".join(f"{strip_control(line)}\n" for line in [*lines, "", total + without])


def _render_failures(reports: Sequence[CheckReport]) -> Iterator[str]:
    """Yield each failure once, with the nodes that have it, the most frequent first."""
    nodes: dict[str, dict[str, None]] = {}
    for report in reports:
        for group in report.groups:
            if group.first.outcome in (FAILED, WARNED):
                text = f"{MARKS[group.first.outcome]:7}  {describe(group.first, group.path)}"
                nodes.setdefault(text, {})[report.source] = None
    if nodes:
        yield ""
    for text, names in sorted(nodes.items(), key=lambda item: -len(item[1])):
        yield text
        listed = name_nodes(sorted(names, key=natural_key), SHOWN_NODES)
        yield f"{'':9}{count(len(names), 'node')}: {listed}"


def _render_json(
    fleet: str, reports: Sequence[CheckReport], missing: Sequence[tuple[str, str]]
) -> str:
    tree = {
        "fleet": fleet,
        "nodes": [
            {
                "node": report.source,
                "outcome": outcome_of(report),
                "summary": count_outcomes(report.results),
                "results": [build_result(f) for f in report.shown if f.outcome != HELD],
            }
            for report in reports
        ],
        "without-snapshot": [{"node": node, "reason": reason} for node, reason in missing],
    }
    return json.dumps(tree, indent=2) + "\n"
