"""kubectl snapshot diff A B: compare two snapshots, or the nodes of a fleet."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.console.terminal import read_width
from kubectl_snapshot.commands.flags.parser import (
    Parser,
    add_boolean_flag,
    add_flag,
    add_repeated_flag,
    new_parser,
)
from kubectl_snapshot.commands.fleet.source import is_fleet, refuse_fleet_flags
from kubectl_snapshot.commands.mutes import add_mute_flags, read_mutes
from kubectl_snapshot.commands.output import Formats, prepare_outputs, write_each, write_text
from kubectl_snapshot.commands.source import (
    EPILOG,
    HELP,
    add_reader_flags,
    read_snapshots,
)
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK, InvalidRequest
from kubectl_snapshot.render.all_renderers import detect_format
from kubectl_snapshot.render.colour import paint_changes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.diff.change import Diff
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.render.findings import News

EXAMPLES = """\
  # Compare two files
  kubectl snapshot diff before.yaml after.yaml

  # Compare a good node with a node as it is now, without its boot options
  kubectl snapshot diff good.yaml @live --node gpu-17 --ignore 'OS.grub.*'

  # Compare a baseline in a ConfigMap with a node, write HTML
  kubectl snapshot diff cm://ops/baseline @live --node gpu-17 -o drift.html

  # Compare only the GPUs and the kernel's memory settings
  kubectl snapshot diff a.yaml b.yaml --only GPU --only 'OS.sysctl.*/vm/*'

  # Show which nodes of a fleet differ from the others, and in what
  kubectl snapshot diff fleet/

  # Show what changed in a fleet since another capture
  kubectl snapshot diff monday/ friday/
"""

EXTENSIONS = {
    ".txt": "text",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".html": "html",
    ".htm": "html",
    ".diff": "unified",
    ".patch": "unified",
}


# Formats whose lines begin with + - ~ ?, coloured on a terminal.
PAINTED = ("text", "wide", "unified")
FORMATS = Formats(
    ("text", "wide", "json", "yaml", "html", "unified"),
    "text",
    partial(detect_format, extensions=EXTENSIONS),
)


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot diff",
        "Compare two snapshots; counters and per-node identifiers are ignored.\n"
        "With the directory of a fleet, show the nodes that differ from the others; with\n"
        "two, what changed from one to the other.\n\n"
        "Exit codes: 0 no difference, 1 a difference, 10 something is unknown (with\n"
        "--strict), others: the snapshots could not be compared.",
        usage="kubectl snapshot diff A B [flags]\n  kubectl snapshot diff DIR [DIR] [flags]",
        examples=EXAMPLES,
        epilog=EPILOG,
    )
    parser.add_argument("a", metavar="A", help=f"earlier snapshot: {HELP}")
    parser.add_argument("b", metavar="B", nargs="?", help="later snapshot, given like A")
    add_boolean_flag(
        parser,
        "--all",
        variable=False,
        help="include counters, per-node identifiers and missing GPUs",
    )
    add_repeated_flag(
        parser,
        "--only",
        variable=False,
        metavar="PATH",
        help="compare only this path; * matches any text (repeatable)",
    )
    add_repeated_flag(
        parser,
        "--ignore",
        variable=False,
        metavar="PATH",
        help="ignore this path; * matches any text (repeatable)",
    )
    add_boolean_flag(parser, "--strict", variable=False, help="exit 10 if something is unknown")
    add_repeated_flag(
        parser,
        "--group-by",
        variable=False,
        metavar="LABEL|PATH",
        help="compare nodes of a fleet that have this in common (repeatable)",
    )
    add_flag(
        parser,
        "--baseline",
        variable=False,
        default="",
        metavar="NODE|FILE",
        help="compare the nodes of a fleet with this one",
    )
    add_mute_flags(parser)
    add_reader_flags(parser, FORMATS)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.collectors.all_findings import find_all
    from kubectl_snapshot.collectors.registry import REGISTRY
    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.document.diff.compare import diff_snapshots
    from kubectl_snapshot.document.diff.selection import Selection, refuse_unused
    from kubectl_snapshot.render.findings import News, list_news

    outputs = prepare_outputs(args, FORMATS)
    if is_fleet(args.a) or is_fleet(args.b):
        from kubectl_snapshot.commands.fleet import diff as fleet_diff

        return fleet_diff.run(args, outputs, out)
    if args.b is None:
        raise InvalidRequest(
            "missing argument: B", hint="usage: kubectl snapshot diff A B, or diff DIR"
        )
    refuse_fleet_flags(args, ("--group-by", "--baseline"))
    mutes = read_mutes(args, args.a, args.b)
    on_event = choose_progress(args, sys.stderr)
    before, after = read_snapshots((args.a, args.b), args, on_event)
    selection = Selection(tuple(args.only), tuple(args.ignore), args.all)
    refuse_unused(selection, before, after)
    diff = diff_snapshots(before, after, REGISTRY, (args.a, args.b), selection)
    # Findings are about whole nodes: not beside selected paths.
    news = News() if args.only else list_news(find_all(before, mutes), find_all(after, mutes))

    def write(output: Output) -> None:
        width = 0 if output.path else read_width(out)
        paint = paint_changes if output.format in PAINTED else None
        text = render(output.format, diff, (before, after), width, news, mutes)
        write_text(output, text, out, paint)

    write_each(outputs, write)
    return choose_exit_code(diff, args.strict)


def render(
    name: str,
    diff: Diff,
    snapshots: Sequence[Snapshot],
    width: int,
    news: News,
    mutes: Mapping[str, str],
) -> str:
    """Return the diff in a format; import only what that format needs."""
    if name == "html":
        from kubectl_snapshot.render.report.diff import render_diff_report

        return render_diff_report(diff, snapshots[0], snapshots[1], mutes)
    if name in ("json", "yaml"):
        from kubectl_snapshot.render import diff_tree

        render_tree = diff_tree.render_json if name == "json" else diff_tree.render_yaml
        return render_tree(diff, news)
    from kubectl_snapshot.render import diff_text
    from kubectl_snapshot.render.findings import render_news

    if name == "unified":
        return diff_text.render_unified(diff)
    width = diff_text.WIDE if name == "wide" else width
    return diff_text.render_text(diff, width, render_news(news))


def choose_exit_code(diff: Diff, is_strict: bool) -> int:
    """Return the exit code; a known difference takes precedence over an unknown one."""
    if not diff.is_empty:
        return EXIT_NO
    return EXIT_GAPS if is_strict and not diff.is_complete else EXIT_OK
