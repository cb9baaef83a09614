"""kubectl snapshot options: list the connection flags, which the help of other commands omits."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.connection import add_connection_flags
from kubectl_snapshot.commands.flags.parser import Parser, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.errors import EXIT_OK

if TYPE_CHECKING:
    import argparse


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot options",
        "List the connection flags of every command that contacts a cluster.",
        usage="kubectl snapshot options",
    )
    parser.lists_connection = True
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    out.write(build_parser().format_help())
    return EXIT_OK
