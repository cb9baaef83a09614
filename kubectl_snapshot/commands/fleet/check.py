"""kubectl snapshot check DIR: check every node of a fleet, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.commands.fleet.source import open_fleet, refuse_other_formats
from kubectl_snapshot.commands.output import write_each, write_text
from kubectl_snapshot.document.rules.judge import FAILED
from kubectl_snapshot.document.rules.results import check_rules, has_applied
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK, InvalidRequest, SnapshotError
from kubectl_snapshot.render.check.results import CheckReport
from kubectl_snapshot.render.colour import paint_outcomes
from kubectl_snapshot.render.fleet.check import rank, render

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.rules.results import RuleResult
    from kubectl_snapshot.document.rules.rule_file import Rule
    from kubectl_snapshot.fleet.fleet import Fleet

FORMATS = ("text", "json", "junit")


def run(
    args: argparse.Namespace, rules: Sequence[Rule], outputs: Sequence[Output], out: TextIO
) -> int:
    """Print a row for each node; return the exit code of `check`."""
    refuse_other_formats(outputs, FORMATS)
    fleet = open_fleet(args.snapshot, args)
    reports, missing = check_fleet(fleet, rules, args)

    def write(output: Output) -> None:
        paint = paint_outcomes if output.format == "text" else None
        text = render(output.format, args.snapshot, reports, missing)
        write_text(output, text, out, paint)

    write_each(outputs, write)
    return choose_exit_code([r.results for r in reports], args.strict, bool(missing))


def choose_exit_code(
    nodes: Sequence[Sequence[RuleResult]], is_strict: bool, is_incomplete: bool
) -> int:
    """Return the exit code: that of the worst node; a rule need not apply to every node."""
    results = [result for node in nodes for result in node]
    if any(result.outcome == FAILED for result in results):
        return EXIT_NO
    is_unknown = any(result.is_counted(is_strict) for result in results)
    is_gap = is_unknown or (is_strict and is_incomplete) or not has_applied(results)
    return EXIT_GAPS if is_gap else EXIT_OK


def check_fleet(
    fleet: Fleet, rules: Sequence[Rule], args: argparse.Namespace
) -> tuple[list[CheckReport], list[tuple[str, str]]]:
    """Return the results of each node, the worst first, and the nodes without a document."""
    reports, missing = [], []
    for node, snapshot in fleet.read_all():
        if isinstance(snapshot, SnapshotError):
            missing.append((node.name, snapshot.why or snapshot.what))
            continue
        results = check_rules(rules, snapshot, REGISTRY)
        report = CheckReport(
            node.name,
            snapshot.metadata,
            results,
            is_strict=args.strict,
            only_failed=args.only_failed,
        )
        reports.append(report)
    if not reports:
        why = ": ".join(missing[0]) if missing else "it lists no node"
        raise InvalidRequest(f"no node of {fleet.directory} has a snapshot", why)
    return sorted(reports, key=rank), missing
