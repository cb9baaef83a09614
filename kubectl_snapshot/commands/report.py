"""kubectl snapshot report SNAPSHOT [OTHER]: one page of HTML, of a node or of what changed."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.connection import connect_with
from kubectl_snapshot.commands.flags.parser import Parser, new_parser
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
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest

if TYPE_CHECKING:
    import argparse

HTML = "html"
ENDINGS = (".html", ".htm")
EXAMPLES = """\
examples:
  kubectl snapshot report snap.yaml -o report.html
  kubectl snapshot report good.yaml bad.yaml -o changes.html
  kubectl snapshot report @live --node gpu-17 -o gpu-17.html
"""


def detect_format(path: str) -> str:
    return HTML if path.lower().endswith(ENDINGS) else ""


FORMATS = Formats((HTML,), HTML, detect_format)


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot report",
        "Write one page of HTML that loads nothing: what a node is, or with OTHER what changed.",
        usage="kubectl snapshot report SNAPSHOT [OTHER] -o FILE [flags]",
        epilog=f"{EXAMPLES}\n{EPILOG}",
    )
    parser.add_argument("snapshot", metavar="SNAPSHOT", help=HELP)
    parser.add_argument("other", metavar="OTHER", nargs="?", help="the later of two, the same way")
    add_output_flags(parser, FORMATS, "a file", variable=False)
    add_source_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    outputs = parse_outputs(args.output, args.format, FORMATS)
    if not args.output and out.isatty():
        raise InvalidRequest("a page is not read on a terminal", hint="name a file: -o report.html")
    if args.snapshot == args.other == STDIN:
        raise InvalidRequest("stdin is named twice", hint="give one of them as a file")
    check_outputs(outputs, partial(connect_with, args))
    text = render(args)
    for output in outputs:
        write_text(output, text, out)
    return EXIT_OK


def render(args: argparse.Namespace) -> str:
    """Return the page of one document, or of two."""
    from kubectl_snapshot.collectors.all_collectors import REGISTRY
    from kubectl_snapshot.commands.progress import choose_progress
    from kubectl_snapshot.document.diff.compare import diff_snapshots
    from kubectl_snapshot.render.report.diff import render_diff_report
    from kubectl_snapshot.render.report.node import render_report

    on_event = choose_progress(args, sys.stderr)
    before = read_snapshot(args.snapshot, args, on_event)
    if args.other is None:
        return render_report(before)
    after = read_snapshot(args.other, args, on_event)
    diff = diff_snapshots(before, after, REGISTRY, (args.snapshot, args.other))
    return render_diff_report(diff, before, after)
