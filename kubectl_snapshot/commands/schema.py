"""kubectl snapshot schema: print the JSON Schema of snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.parser import Parser, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.errors import EXIT_OK

if TYPE_CHECKING:
    import argparse


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot schema",
        "Print the JSON Schema (draft 2020-12) of snapshots.",
        usage="kubectl snapshot schema",
    )
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    import json

    from kubectl_snapshot.collectors.registry import REGISTRY
    from kubectl_snapshot.document.schema import build_schema

    out.write(json.dumps(build_schema(REGISTRY), indent=2) + "\n")
    return EXIT_OK
