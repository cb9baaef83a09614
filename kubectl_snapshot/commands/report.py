"""kubectl snapshot report SNAPSHOT [OTHER]: render a snapshot, or a diff of two, as HTML."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.parser import Parser, add_boolean_flag, add_repeated_flag
from kubectl_snapshot.commands.fleet.source import is_fleet, open_fleet, refuse_fleet_flags
from kubectl_snapshot.commands.mutes import add_mute_flags, read_mutes
from kubectl_snapshot.commands.output import Formats, prepare_outputs, write_each, write_text
from kubectl_snapshot.commands.source import (
    add_reader_flags,
    new_reader_parser,
    read_snapshot,
    read_snapshots,
)
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest, SnapshotError
from kubectl_snapshot.render.all_renderers import detect_format

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.fleet.fleet import Fleet

HTML = "html"
EXTENSIONS = {".html": HTML, ".htm": HTML}
EXAMPLES = """\
  # Render a snapshot
  kubectl snapshot report snap.yaml -o report.html

  # Render the differences between two snapshots
  kubectl snapshot report good.yaml bad.yaml -o changes.html

  # Render the outliers and the coverage of a fleet
  kubectl snapshot report fleet/ -o fleet.html

  # The same, with a page for each node in fleet-nodes/
  kubectl snapshot report fleet/ --with-nodes -o fleet.html

  # Capture a node and render it
  kubectl snapshot report @live --node gpu-17 -o gpu-17.html
"""


FORMATS = Formats((HTML,), HTML, partial(detect_format, extensions=EXTENSIONS))


def build_parser() -> Parser:
    parser = new_reader_parser(
        "report",
        "Render a snapshot, a diff of two, or a fleet as one self-contained HTML page.",
        examples=EXAMPLES,
        usage="[OTHER] -o FILE",
    )
    parser.add_argument(
        "other",
        metavar="OTHER",
        nargs="?",
        help="later snapshot to compare with, given like SNAPSHOT",
    )
    add_boolean_flag(
        parser, "--with-nodes", variable=False, help="of a fleet: a page for each node, too"
    )
    add_repeated_flag(
        parser,
        "--group-by",
        variable=False,
        metavar="LABEL|PATH",
        help="of a fleet: compare nodes that have this in common (repeatable)",
    )
    add_mute_flags(parser)
    add_reader_flags(parser, FORMATS)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    if not args.output and out.isatty():
        raise InvalidRequest("refusing to print HTML to a terminal", hint="use -o report.html")
    if args.other and not args.output and detect_format(args.other, EXTENSIONS):
        raise InvalidRequest(
            f"{args.other} is not a snapshot", hint=f"to write a file: -o {args.other}"
        )
    outputs = prepare_outputs(args, FORMATS)
    mutes = read_mutes(args, args.snapshot, args.other)
    if is_fleet(args.snapshot) or is_fleet(args.other):
        text = render_fleet(args, outputs, mutes)
    else:
        refuse_fleet_flags(args, ("--with-nodes", "--group-by"))
        text = render(args, mutes)
    write_each(outputs, lambda output: write_text(output, text, out))
    return EXIT_OK


def render(args: argparse.Namespace, mutes: Mapping[str, str]) -> str:
    """Return the page of one snapshot, or of the diff of two."""
    from kubectl_snapshot.collectors.registry import REGISTRY
    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.document.diff.compare import diff_snapshots
    from kubectl_snapshot.render.report.diff import render_diff_report
    from kubectl_snapshot.render.report.node import render_report

    on_event = choose_progress(args, sys.stderr)
    if args.other is None:
        return render_report(read_snapshot(args.snapshot, args, on_event), mutes)
    before, after = read_snapshots((args.snapshot, args.other), args, on_event)
    diff = diff_snapshots(before, after, REGISTRY, (args.snapshot, args.other))
    return render_diff_report(diff, before, after, mutes)


def render_fleet(
    args: argparse.Namespace, outputs: Sequence[Output], mutes: Mapping[str, str]
) -> str:
    """Return the page of a fleet; with --with-nodes, write those of its nodes."""
    from kubectl_snapshot.fleet.outliers import find_outliers
    from kubectl_snapshot.render.report.fleet import render_fleet_report

    if args.other is not None:
        hint = "compare two captures with `kubectl snapshot diff DIR DIR`"
        raise InvalidRequest("a report of a fleet has one argument", hint=hint)
    fleet = open_fleet(args.snapshot, args)
    links = write_node_pages(fleet, outputs, mutes) if args.with_nodes else {}
    return render_fleet_report(find_outliers(fleet, args.group_by), fleet.manifest, links)


def write_node_pages(
    fleet: Fleet, outputs: Sequence[Output], mutes: Mapping[str, str]
) -> dict[str, str]:
    """Write a page for each node into a directory beside the fleet's; return their links."""
    from urllib.parse import quote

    from kubectl_snapshot.clients.files.outputfile import ensure_directory, write_whole
    from kubectl_snapshot.fleet.files.directory import name_file
    from kubectl_snapshot.render.report.node import render_report

    if len(outputs) != 1 or not outputs[0].path:
        raise InvalidRequest("--with-nodes needs one file", hint="use -o fleet.html")
    directory = f"{os.path.splitext(outputs[0].path)[0]}-nodes"
    ensure_directory(directory)
    links = {}
    for node, snapshot in fleet.read_all():
        if not isinstance(snapshot, SnapshotError):
            name = os.path.basename(name_file(node.name)).removesuffix(".yaml") + ".html"
            write_whole(os.path.join(directory, name), render_report(snapshot, mutes))
            links[node.name] = f"{quote(os.path.basename(directory))}/{name}"
    return links
