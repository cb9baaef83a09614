"""kubectl snapshot diff A B: what changed, or what two nodes do not have in common."""

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
    LIVE,
    STDIN,
    add_source_flags,
    read_snapshot,
)
from kubectl_snapshot.commands.terminal import read_width
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK, InvalidRequest
from kubectl_snapshot.render.colour import paint_changes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.document.diff.compare import Diff
    from kubectl_snapshot.document.snapshot import Snapshot

EXAMPLES = """\
examples:
  kubectl snapshot diff before.yaml after.yaml
  kubectl snapshot diff good.yaml @live --node gpu-17 --ignore 'OS.grub.*'
  kubectl snapshot diff cm://ops/release-7 @live --node gpu-17 -o text -o drift.html
  kubectl snapshot diff a.yaml b.yaml --only GPU --only 'OS.sysctl.*/vm/*' -o unified
"""

# The ending of a path tells the format.
ENDINGS = {
    ".txt": "text",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".html": "html",
    ".htm": "html",
    ".diff": "unified",
    ".patch": "unified",
}


def detect_format(path: str) -> str:
    lower = path.lower()
    return next((name for ending, name in ENDINGS.items() if lower.endswith(ending)), "")


# Their lines begin with + - ~ ? on a terminal in colour.
PAINTED = ("text", "unified")
FORMATS = Formats(("text", "json", "yaml", "html", "unified"), "text", detect_format)


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot diff",
        "Compare two snapshots; exit 0 where nothing differs, 1 where something does, 10 where\n"
        "something is unknown and --strict is given, 2 or more where they could not be compared.",
        usage="kubectl snapshot diff A B [flags]",
        epilog=f"{EXAMPLES}\n{EPILOG}",
    )
    parser.add_argument("a", metavar="A", help=f"the earlier snapshot, or the good one: {HELP}")
    parser.add_argument("b", metavar="B", help="the later snapshot, or the bad one; as A")
    add_boolean_flag(
        parser,
        "--all",
        variable=False,
        help="also what changes by itself, is each node's own, or follows from a GPU being gone",
    )
    add_repeated_flag(
        parser,
        "--only",
        variable=False,
        metavar="PATH",
        help="only what is of this path; * is any text, a type or subtype means all below it; "
        "can be repeated",
    )
    add_repeated_flag(
        parser,
        "--ignore",
        variable=False,
        metavar="PATH",
        help="nothing of this path; can be repeated",
    )
    add_boolean_flag(
        parser, "--strict", variable=False, help="exit 10 where it is unknown whether all is same"
    )
    add_output_flags(parser, FORMATS, "a file", variable=False)
    add_source_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.collectors.all_collectors import REGISTRY
    from kubectl_snapshot.commands.progress import choose_progress
    from kubectl_snapshot.document.diff.compare import diff_snapshots
    from kubectl_snapshot.document.diff.selection import Selection, find_unused

    outputs = parse_outputs(args.output, args.format, FORMATS)
    if args.a == args.b == STDIN:
        raise InvalidRequest("stdin is named twice", hint="give one of them as a file")
    check_outputs(outputs, partial(connect_with, args))
    on_event = choose_progress(args, sys.stderr)
    # What may not be there is looked for before a capture is spent.
    order = sorted((args.a, args.b), key=lambda source: source == LIVE)
    read = [read_snapshot(source, args, on_event) for source in order]
    before, after = read if order == [args.a, args.b] else reversed(read)
    selection = Selection(tuple(args.only), tuple(args.ignore), args.all)
    for pattern in find_unused(selection, before, after):
        on_event({"event": "warning", "message": f"neither snapshot has anything at {pattern}"})
    diff = diff_snapshots(before, after, REGISTRY, (args.a, args.b), selection)
    for output in outputs:
        width = 0 if output.path else read_width(out)
        paint = paint_changes if output.format in PAINTED else None
        write_text(output, render(output.format, diff, (before, after), width), out, paint)
    return choose_exit_code(diff, args.strict)


def render(name: str, diff: Diff, snapshots: Sequence[Snapshot], width: int) -> str:
    """Return the difference in a format; only what that needs is imported."""
    if name == "html":
        from kubectl_snapshot.render.report.diff import render_diff_report

        return render_diff_report(diff, *snapshots)
    if name in ("json", "yaml"):
        from kubectl_snapshot.render import diff_tree

        return diff_tree.render_json(diff) if name == "json" else diff_tree.render_yaml(diff)
    from kubectl_snapshot.render import diff_text

    return diff_text.render_text(diff, width) if name == "text" else diff_text.render_unified(diff)


def choose_exit_code(diff: Diff, is_strict: bool) -> int:
    """Return the exit code: a known difference comes before one that nobody can tell."""
    if not diff.is_empty:
        return EXIT_NO
    return EXIT_GAPS if is_strict and not diff.is_complete else EXIT_OK
