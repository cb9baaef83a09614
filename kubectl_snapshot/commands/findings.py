"""kubectl snapshot findings SNAPSHOT: what is wrong with a node, worst first."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.check import EXTENSIONS
from kubectl_snapshot.commands.flags.parser import Parser, add_flag, add_repeated_flag, new_parser
from kubectl_snapshot.commands.fleet.source import is_fleet
from kubectl_snapshot.commands.output import Formats, prepare_outputs, write_each, write_text
from kubectl_snapshot.commands.source import (
    EPILOG,
    HELP,
    STDIN,
    add_reader_flags,
    read_snapshot,
    refuse_stdin_twice,
)
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK, InvalidRequest
from kubectl_snapshot.render.all_renderers import detect_format
from kubectl_snapshot.render.colour import paint_severities
from kubectl_snapshot.suggest import suggest

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
    parser = new_parser(
        "kubectl snapshot findings",
        "Show what is wrong with the node of a snapshot, or with those of a fleet, worst\n"
        "first, with proof and fix.\n\n"
        "Exit codes: 0 done or, with --fail-on, nothing found; with --fail-on 1 found,\n"
        "10 not found, but unknown; others: the snapshot could not be read.",
        usage="kubectl snapshot findings SNAPSHOT [flags]",
        examples=EXAMPLES,
        epilog=EPILOG,
    )
    parser.add_argument("snapshot", metavar="SNAPSHOT", help=HELP)
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


def add_mute_flags(parser: argparse.ArgumentParser) -> None:
    add_repeated_flag(
        parser,
        "--mute",
        variable=False,
        metavar="ID[=REASON]",
        help="do not report this finding (repeatable)",
    )
    add_repeated_flag(
        parser,
        "--mute-file",
        variable=False,
        metavar="FILE",
        help="YAML map of ids and reasons to mute (repeatable)",
    )


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.collectors.all_findings import find_all
    from kubectl_snapshot.commands.console.progress import choose_progress

    outputs = prepare_outputs(args, FORMATS)
    mutes = read_mutes(args)
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


def read_mutes(args: argparse.Namespace) -> dict[str, str]:
    """Return the reasons by id of the flags `--mute` and `--mute-file`, files with their name."""
    from kubectl_snapshot.collectors.all_findings import ALL_FINDINGS

    refuse_stdin_twice(args.snapshot, *args.mute_file)
    mutes: dict[str, str] = {}
    for path in args.mute_file:
        mutes.update(_read_mute_file(path))
    mutes.update((id_, reason) for id_, _, reason in (text.partition("=") for text in args.mute))
    known = [spec.id for spec in ALL_FINDINGS]
    for id_ in mutes:
        if id_ not in known:
            rest = "list all ids with `kubectl snapshot findings SNAPSHOT -o wide`"
            raise InvalidRequest(f'unknown finding "{id_}"', hint=suggest(id_, known, rest))
    return mutes


def _read_mute_file(path: str) -> dict[str, str]:
    from kubectl_snapshot.clients.files.localfile import locate_yaml, read_input
    from kubectl_snapshot.storage.rule_files import MAX_RULES_BYTES

    content = read_input(path, MAX_RULES_BYTES)
    name = "stdin" if path == STDIN else path
    if len(content) > MAX_RULES_BYTES:
        raise InvalidRequest(f"mute file {name} is larger than {MAX_RULES_BYTES} bytes")
    line, tree = locate_yaml(content, name)
    if not isinstance(tree, dict):
        hint = "write an id and a reason on each line: `pcie-width: x8 slots, ticket 4711`"
        raise InvalidRequest(f"{name} line {line}: a mute file is a map", hint=hint)
    mutes = {}
    for id_, (line, reason) in tree.items():
        if not isinstance(reason, str):
            raise InvalidRequest(f"{name} line {line}: the reason of {id_} is not a text")
        mutes[str(id_)] = f"{reason} ({name})".lstrip()
    return mutes
