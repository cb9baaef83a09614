"""kubectl snapshot convert SNAPSHOT: write a stored document in another version or format."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.connection import connect_with
from kubectl_snapshot.commands.flags.parser import Parser, new_parser
from kubectl_snapshot.commands.flags.shared import add_api_version_flag, add_log_flags
from kubectl_snapshot.commands.output import (
    SNAPSHOT_FORMATS,
    add_output_flags,
    add_template_flag,
    prepare_outputs,
    write_outputs,
)
from kubectl_snapshot.commands.source import EPILOG, HELP, add_source_flags, read_snapshot
from kubectl_snapshot.errors import EXIT_OK

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
  # Write a document that AICR v1 reads
  kubectl snapshot convert snap.yaml --api-version aicr.run/v1 -o v1.yaml

  # Write a document from a ConfigMap to a file, as JSON
  kubectl snapshot convert cm://ops/gpu-17 -o gpu-17.json
"""


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot convert",
        "Write a snapshot with another apiVersion or in another format.",
        usage="kubectl snapshot convert SNAPSHOT [flags]",
        examples=EXAMPLES,
        epilog=EPILOG,
    )
    parser.add_argument("snapshot", metavar="SNAPSHOT", help=HELP)
    group = add_output_flags(parser, variable=False)
    add_template_flag(group, variable=False)
    add_api_version_flag(group, default="")
    add_source_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.document.api_version import write_for

    outputs = prepare_outputs(args, SNAPSHOT_FORMATS, args.template)
    snapshot = read_snapshot(args.snapshot, args, choose_progress(args, sys.stderr))
    if args.api_version:
        snapshot = write_for(snapshot, args.api_version)
    write_outputs(outputs, snapshot, out, partial(connect_with, args))
    return EXIT_OK
