"""kubectl snapshot baseline DIR: what a fleet's nodes have in common, as a rule file."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.connection import add_connection_flags
from kubectl_snapshot.commands.flags.parser import (
    Parser,
    add_flag,
    add_repeated_flag,
    new_parser,
)
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.commands.fleet.source import is_fleet, open_fleet
from kubectl_snapshot.commands.output import (
    Formats,
    add_output_flags,
    prepare_outputs,
    write_each,
    write_text,
)
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest
from kubectl_snapshot.render.all_renderers import detect_format

if TYPE_CHECKING:
    from kubectl_snapshot.commands.output import Output

DEFAULT_SHARE = 95.0
EXAMPLES = """\
  # Write what the nodes of a fleet have in common, and check a new node
  kubectl snapshot baseline fleet/ -o rules.yaml
  kubectl snapshot check @live --node new-1 -f rules.yaml

  # Only what all nodes of a pool have in common
  kubectl snapshot baseline fleet/ --share 100% --group-by pool
"""
YAML = "yaml"
EXTENSIONS = {".yaml": YAML, ".yml": YAML}
FORMATS = Formats((YAML,), YAML, partial(detect_format, extensions=EXTENSIONS))


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot baseline",
        "Write the readings that the nodes of a fleet have in common as a rule file for\n"
        "`check`. With several groups of nodes, each rule has the group as its condition.",
        usage="kubectl snapshot baseline DIR [-o FILE] [flags]",
        examples=EXAMPLES,
    )
    parser.add_argument("fleet", metavar="DIR", help="directory of a fleet")
    add_flag(
        parser,
        "--share",
        variable=False,
        type=parse_share,
        default=DEFAULT_SHARE,
        metavar="PERCENT",
        help="least share of a group's nodes with the value (default: 95%%)",
    )
    add_repeated_flag(
        parser,
        "--group-by",
        variable=False,
        metavar="LABEL|PATH",
        help="group nodes that have this in common (repeatable)",
    )
    add_output_flags(parser, FORMATS, "file", variable=False)
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def parse_share(text: str) -> float:
    """Parse a share in percent, above 50 and at most 100."""
    try:
        share = float(text.removesuffix("%"))
    except ValueError:
        share = 0.0
    if not 50 < share <= 100:
        raise argparse.ArgumentTypeError(f'invalid share "{text}": more than 50%, at most 100%')
    return share


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.collectors.registry import REGISTRY
    from kubectl_snapshot.document.fleet.baseline import build_baseline
    from kubectl_snapshot.fleet.outliers import group_fleet, read_forms
    from kubectl_snapshot.render.fleet.rules import render_rules

    outputs = prepare_outputs(args, FORMATS)
    if not is_fleet(args.fleet):
        hint = "capture one with `kubectl snapshot --all-nodes -o DIR/`"
        raise InvalidRequest(f"{args.fleet} is not a fleet", "it is no directory", hint)
    fleet = open_fleet(args.fleet, args)
    read = read_forms(fleet)
    grouping = group_fleet(fleet, read, args.group_by)
    found = build_baseline(grouping, read.forms, read.builder, args.share / 100, REGISTRY)
    if not found.rules:
        raise InvalidRequest(f"the nodes of {args.fleet} have nothing in common")
    text = render_rules(args.fleet, grouping, found, args.share)

    def write(output: Output) -> None:
        write_text(output, text, out)

    write_each(outputs, write)
    return EXIT_OK
