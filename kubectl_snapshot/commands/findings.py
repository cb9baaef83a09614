"""kubectl snapshot findings SNAPSHOT: what is wrong with a node, worst first."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.check import EXTENSIONS
from kubectl_snapshot.commands.flags.parser import Parser, add_flag
from kubectl_snapshot.commands.fleet.source import is_fleet
from kubectl_snapshot.commands.mutes import add_mute_flags, read_mutes
from kubectl_snapshot.commands.output import Formats, prepare_outputs, write_each, write_text
from kubectl_snapshot.commands.source import add_reader_flags, new_reader_parser, read_snapshot
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK
from kubectl_snapshot.render.all_renderers import detect_format
from kubectl_snapshot.render.colour import paint_severities

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.findings.spec import NodeFindings

# What `--fail-on` counts.
FAIL_ON: Mapping[str, tuple[str, ...]] = {
    "critical": ("critical",),
    "warning": ("critical", "warning"),
}
EXAMPLES = """\
  # Show what is wrong with a node now
  kubectl snapshot findings @live --node gpu-17

  # Fail a pipeline on a sick node, write JUnit XML for it
  kubectl snapshot findings snap.yaml --fail-on critical -o text -o junit.xml

  # Show the sick nodes of a fleet
  kubectl snapshot findings fleet/

  # Mute a finding that is known
  kubectl snapshot findings snap.yaml --mute pcie-width='x8 slots, ticket 4711'
"""
FORMATS = Formats(
    ("text", "wide", "json", "junit", "github", "sarif", "markdown"),
    "text",
    partial(detect_format, extensions=EXTENSIONS),
)


def build_parser() -> Parser:
    parser = new_reader_parser(
        "findings",
        "Show what is wrong with the node of a snapshot, or with those of a fleet, worst\n"
        "first, with proof and fix.\n\n"
        "Exit codes: 0 done or, with --fail-on, nothing found; with --fail-on 1 found,\n"
        "10 not found, but unknown; others: the snapshot could not be read.",
        examples=EXAMPLES,
    )
    add_flag(
        parser,
        "--fail-on",
        variable=False,
        metavar="SEVERITY",
        default="",
        choices=tuple(FAIL_ON),
        help="exit 1 for a finding of this severity or a worse one",
    )
    add_mute_flags(parser)
    add_reader_flags(parser, FORMATS)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.collectors.all_findings import find_all
    from kubectl_snapshot.commands.console.progress import choose_progress

    outputs = prepare_outputs(args, FORMATS)
    mutes = read_mutes(args, args.snapshot)
    fail_on = FAIL_ON.get(args.fail_on, ())
    if is_fleet(args.snapshot):
        from kubectl_snapshot.commands.fleet import findings as fleet_findings

        return fleet_findings.run(args, mutes, fail_on, outputs, out)
    snapshot = read_snapshot(args.snapshot, args, choose_progress(args, sys.stderr))
    findings = find_all(snapshot, mutes)

    def write(output: Output) -> None:
        paint = paint_severities if output.format in ("text", "wide") else None
        text = render(output.format, findings, args.snapshot, snapshot.metadata, fail_on)
        write_text(output, text, out, paint)

    write_each(outputs, write)
    return choose_exit_code(findings, fail_on)


def render(
    name: str,
    findings: NodeFindings,
    source: str,
    metadata: Mapping[str, str],
    fail_on: tuple[str, ...],
) -> str:
    """Return the findings in a format; import only what that format needs."""
    from kubectl_snapshot.commands import check
    from kubectl_snapshot.render import findings as render_findings

    if name in ("text", "wide"):
        return render_findings.render_text(findings, name == "wide")
    if name == "json":
        return render_findings.render_json(findings, source, metadata)
    has_each = name == "junit"
    report = render_findings.build_report(findings, source, metadata, fail_on, has_each)
    return check.render(name, report)


def choose_exit_code(findings: NodeFindings, fail_on: tuple[str, ...]) -> int:
    """Return the exit code: what cannot be judged does not pass, if it counts."""
    if any(findings.count(severity) for severity in fail_on):
        return EXIT_NO
    return EXIT_GAPS if findings.is_unknown(fail_on) else EXIT_OK
