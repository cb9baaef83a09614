"""kubectl snapshot check SNAPSHOT: check it against constraints and rule files."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.parser import (
    Parser,
    add_boolean_flag,
    add_repeated_flag,
)
from kubectl_snapshot.commands.fleet.source import is_fleet
from kubectl_snapshot.commands.output import Formats, prepare_outputs, write_each, write_text
from kubectl_snapshot.commands.source import (
    add_reader_flags,
    new_reader_parser,
    read_snapshot,
    refuse_stdin_twice,
)
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK, InvalidRequest
from kubectl_snapshot.render.all_renderers import detect_format
from kubectl_snapshot.render.colour import paint_outcomes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.rules.results import RuleResult
    from kubectl_snapshot.render.check.results import CheckReport

EXAMPLES = """\
  # Check one constraint
  kubectl snapshot check snap.yaml -c 'K8s.server.version >= 1.32'

  # Check a rule file, print text and write JUnit XML for CI
  kubectl snapshot check snap.yaml -f rules.yaml --strict -o text -o junit.xml

  # Annotate a GitHub Actions run, and write its step summary
  kubectl snapshot check snap.yaml -f rules.yaml -o github -o summary.md

  # Capture a node and check it
  kubectl snapshot check @live --node gpu-17 -f rules.yaml

  # Check every node of a fleet, the worst first
  kubectl snapshot check fleet/ -f rules.yaml -o text -o junit.xml
"""

EXTENSIONS = {
    ".txt": "text",
    ".json": "json",
    ".xml": "junit",
    ".sarif": "sarif",
    ".md": "markdown",
}
FORMATS = Formats(
    ("text", "json", "junit", "github", "sarif", "markdown"),
    "text",
    partial(detect_format, extensions=EXTENSIONS),
)


def build_parser() -> Parser:
    parser = new_reader_parser(
        "check",
        "Check a snapshot, or all nodes in the directory of a fleet, against constraints\n"
        "and rule files.\n\n"
        "Exit codes: 0 all passed, 1 a rule failed, 10 no rule applied, a requirement is\n"
        "unknown or, with --strict, a rule; others: the check could not be made.",
        examples=EXAMPLES,
        usage="(-c CONSTRAINT | -f FILE)...",
    )
    add_repeated_flag(
        parser,
        "-c",
        "--constraint",
        variable=False,
        metavar="CONSTRAINT",
        help="constraint, such as 'K8s.server.version >= 1.32' (repeatable)",
    )
    add_repeated_flag(
        parser,
        "-f",
        "--rules",
        variable=False,
        metavar="FILE",
        help="YAML rule file, or - for stdin (repeatable)",
    )
    add_boolean_flag(parser, "--strict", variable=False, help="exit 10 if a rule is unknown")
    add_boolean_flag(parser, "--only-failed", variable=False, help="show only what failed")
    add_reader_flags(parser, FORMATS)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.collectors.registry import REGISTRY
    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.document.rules.results import check_rules
    from kubectl_snapshot.render.check.results import CheckReport
    from kubectl_snapshot.storage.rule_files import read_rules

    outputs = prepare_outputs(args, FORMATS)
    require_rules(args)
    rules = read_rules(args.constraint, args.rules)
    if is_fleet(args.snapshot):
        from kubectl_snapshot.commands.fleet import check as fleet_check

        return fleet_check.run(args, rules, outputs, out)
    snapshot = read_snapshot(args.snapshot, args, choose_progress(args, sys.stderr))
    results = check_rules(rules, snapshot, REGISTRY)
    report = CheckReport(
        args.snapshot,
        snapshot.metadata,
        results,
        is_strict=args.strict,
        only_failed=args.only_failed,
    )

    def write(output: Output) -> None:
        paint = paint_outcomes if output.format == "text" else None
        write_text(output, render(output.format, report), out, paint)

    write_each(outputs, write)
    return choose_exit_code(results, args.strict)


def render(name: str, report: CheckReport) -> str:
    """Return the report in a format; import only what that format needs."""
    from kubectl_snapshot.render.check import results

    if name == "junit":
        from kubectl_snapshot.render.check.junit import render_junit

        return render_junit(report)
    if name in ("text", "json"):
        renderers = {"json": results.render_json, "text": results.render_text}
        return renderers[name](report)
    from kubectl_snapshot.render.check import annotations

    others = {"github": annotations.render_github, "sarif": annotations.render_sarif}
    return others.get(name, annotations.render_markdown)(report)


def require_rules(args: argparse.Namespace) -> None:
    """Raise InvalidRequest without a rule, or if two arguments are stdin."""
    if not (args.constraint or args.rules):
        hint = "give a constraint with -c 'K8s.server.version >= 1.32', or a rule file with -f"
        raise InvalidRequest("nothing to check", hint=hint)
    refuse_stdin_twice(args.snapshot, *args.rules)


def choose_exit_code(results: Sequence[RuleResult], is_strict: bool) -> int:
    """Return the exit code; warnings do not count, and no applied rule is no pass."""
    from kubectl_snapshot.document.rules.judge import FAILED
    from kubectl_snapshot.document.rules.results import has_applied

    if any(result.outcome == FAILED for result in results):
        return EXIT_NO
    is_unknown = any(result.is_counted(is_strict) for result in results)
    return EXIT_GAPS if is_unknown or not has_applied(results) else EXIT_OK
