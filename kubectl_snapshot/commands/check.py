"""kubectl snapshot check SNAPSHOT: does it keep to constraints and rules?"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.connection import connect_with
from kubectl_snapshot.commands.flags.parser import (
    Parser,
    add_boolean_flag,
    add_repeated_flag,
    new_parser,
)
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.commands.output import (
    Formats,
    add_output_flags,
    check_outputs,
    parse_outputs,
    write_text,
)
from kubectl_snapshot.commands.source import (
    EPILOG,
    HELP,
    STDIN,
    add_source_flags,
    read_snapshot,
)
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK, InvalidRequest
from kubectl_snapshot.render.colour import paint_outcomes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.document.rules.results import Finding
    from kubectl_snapshot.document.rules.rule_file import Rule
    from kubectl_snapshot.render.findings import Report

MAX_RULES_BYTES = 1024 * 1024
EXAMPLES = """\
examples:
  kubectl snapshot check snap.yaml -c 'K8s.server.version >= 1.32'
  kubectl snapshot check snap.yaml -f rules.yaml --strict -o text -o junit.xml
  kubectl snapshot check @live --node gpu-17 -c 'GPU.gpu-*.persistence-mode == true'
"""

ENDINGS = {".txt": "text", ".json": "json", ".xml": "junit"}


def detect_format(path: str) -> str:
    lower = path.lower()
    return next((name for ending, name in ENDINGS.items() if lower.endswith(ending)), "")


FORMATS = Formats(("text", "json", "junit"), "text", detect_format)


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot check",
        "Check a snapshot; exit 0 where all holds, 1 where something fails, 10 where something is\n"
        "unknown and --strict is given, 2 or more where the check could not be made.",
        usage="kubectl snapshot check SNAPSHOT (-c CONSTRAINT | -f FILE)... [flags]",
        epilog=f"{EXAMPLES}\n{EPILOG}",
    )
    parser.add_argument("snapshot", metavar="SNAPSHOT", help=HELP)
    add_repeated_flag(
        parser,
        "-c",
        "--constraint",
        variable=False,
        metavar="CONSTRAINT",
        help="a path and what its value has to be, with >= <= > < == != or nothing for the same "
        "text; can be repeated",
    )
    add_repeated_flag(
        parser,
        "-f",
        "--rules",
        variable=False,
        metavar="FILE",
        help="a file of rules in YAML, or - for stdin; can be repeated",
    )
    add_boolean_flag(
        parser, "--strict", variable=False, help="exit 10 where it is unknown whether a rule holds"
    )
    add_output_flags(parser, FORMATS, "a file", variable=False)
    add_source_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.commands.progress import choose_progress
    from kubectl_snapshot.document.rules.results import check_rules
    from kubectl_snapshot.render.findings import Report

    outputs = parse_outputs(args.output, args.format, FORMATS)
    rules = read_rules(args)
    check_outputs(outputs, partial(connect_with, args))
    snapshot = read_snapshot(args.snapshot, args, choose_progress(args, sys.stderr))
    findings = check_rules(rules, snapshot)
    report = Report(args.snapshot, snapshot.metadata, findings, is_strict=args.strict)
    for output in outputs:
        paint = paint_outcomes if output.format == "text" else None
        write_text(output, render(output.format, report), out, paint)
    return choose_exit_code(findings, args.strict)


def render(name: str, report: Report) -> str:
    """Return the report in a format; only what that needs is imported."""
    if name == "junit":
        from kubectl_snapshot.render.junit import render_junit

        return render_junit(report)
    from kubectl_snapshot.render import findings

    return findings.render_json(report) if name == "json" else findings.render_text(report)


def read_rules(args: argparse.Namespace) -> list[Rule]:
    """Return the rules of the command line and then of the files."""
    from kubectl_snapshot.clients.files.localfile import locate_yaml, read_input
    from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
    from kubectl_snapshot.document.rules.rule_file import parse_rule, parse_rules

    if not (args.constraint or args.rules):
        hint = "give one with -c 'K8s.server.version >= 1.32', or a file with -f"
        raise InvalidRequest("there is nothing to check", hint=hint)
    if [args.snapshot, *args.rules].count(STDIN) > 1:
        raise InvalidRequest("stdin is named twice", hint="give one of them as a file")
    types = tuple(ALL_COLLECTORS)
    rules = [parse_rule(text, types) for text in args.constraint]
    for path in args.rules:
        content = read_input(path, MAX_RULES_BYTES)
        if len(content) > MAX_RULES_BYTES:
            raise InvalidRequest(f"{path} has more than {MAX_RULES_BYTES} bytes of rules")
        name = "stdin" if path == STDIN else path
        rules += parse_rules(locate_yaml(content, name), name, types)
    return rules


def choose_exit_code(findings: Sequence[Finding], is_strict: bool) -> int:
    """Return the exit code; what is only a warning does not count."""
    from kubectl_snapshot.document.rules.results import FAILED, UNKNOWN
    from kubectl_snapshot.document.rules.rule_file import ERROR

    if any(finding.outcome == FAILED for finding in findings):
        return EXIT_NO
    unknown = [f for f in findings if f.outcome == UNKNOWN and f.rule.severity == ERROR]
    return EXIT_GAPS if is_strict and unknown else EXIT_OK
