"""kubectl snapshot findings DIR: what is wrong with the nodes of a fleet, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.collectors.all_findings import find_all
from kubectl_snapshot.commands.fleet.source import open_fleet, refuse_other_formats
from kubectl_snapshot.commands.output import write_each, write_text
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK, InvalidRequest, SnapshotError
from kubectl_snapshot.render.colour import paint_severities
from kubectl_snapshot.render.fleet.findings import NodeReport, rank, render

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.commands.output import Output

FORMATS = ("text", "json", "junit")


def run(
    args: argparse.Namespace,
    mutes: Mapping[str, str],
    fail_on: tuple[str, ...],
    outputs: Sequence[Output],
    out: TextIO,
) -> int:
    """Print a row for each node and each finding once; return the exit code of `findings`."""
    refuse_other_formats(outputs, FORMATS)
    fleet = open_fleet(args.snapshot, args)
    reports, missing = [], []
    for node, snapshot in fleet.read_all():
        if isinstance(snapshot, SnapshotError):
            missing.append((node.name, snapshot.why or snapshot.what))
        else:
            findings = find_all(snapshot, mutes)
            reports.append(NodeReport(node.name, snapshot.metadata, findings))
    if not reports:
        why = ": ".join(missing[0]) if missing else "it lists no node"
        raise InvalidRequest(f"no node of {fleet.directory} has a snapshot", why)
    reports.sort(key=rank)

    def write(output: Output) -> None:
        paint = paint_severities if output.format == "text" else None
        text = render(output.format, args.snapshot, reports, missing, fail_on)
        write_text(output, text, out, paint)

    write_each(outputs, write)
    if any(report.findings.count(severity) for report in reports for severity in fail_on):
        return EXIT_NO
    is_unknown = any(report.findings.is_unknown(fail_on) for report in reports)
    return EXIT_GAPS if is_unknown or (fail_on and missing) else EXIT_OK
