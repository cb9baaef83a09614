"""kubectl snapshot export DIR…: the readings of fleets as a table, one row a reading."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.console.interrupts import raise_terminated
from kubectl_snapshot.commands.flags.parser import Parser, add_flag, add_repeated_flag, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.commands.fleet.source import is_fleet, open_fleet
from kubectl_snapshot.commands.output import Formats, add_output_flags, prepare_outputs
from kubectl_snapshot.commands.source import STDIN, read_snapshot
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest, NotFound
from kubectl_snapshot.render.all_renderers import detect_format

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.fleet.export_rows import Row, RowBuilder
    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.render.export import Write

JSON_LINES, CSV, PARQUET = "jsonl", "csv", "parquet"
EXTENSIONS = {".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".csv": CSV, ".parquet": PARQUET}
FORMATS = Formats(
    (JSON_LINES, CSV, PARQUET), JSON_LINES, partial(detect_format, extensions=EXTENSIONS)
)
EXAMPLES = """\
  # Write the readings of a fleet for DuckDB, pandas or Spark
  kubectl snapshot export fleet/ -o fleet.parquet

  # Write the drivers of two captures of one cluster, for a spreadsheet
  kubectl snapshot export monday/ friday/ --cluster-name prod \\
      --only GPU.smi.driver -o drivers.csv

  # Count the nodes of each kernel
  kubectl snapshot export fleet/ --only K8s.node.kernel-version |
      jq -r .value | sort | uniq -c
"""


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot export",
        "Write the readings of fleets as a table with a row for each reading: run, time,\n"
        "cluster, node, path, type, value, reason, ignored. What could not be read has no\n"
        "value and a reason. `parquet` needs the Python package pyarrow.",
        usage="kubectl snapshot export DIR... [-o FILE] [flags]",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "fleet",
        metavar="DIR",
        nargs="+",
        help="fleet: its directory or tar file; or a snapshot: its file",
    )
    add_flag(
        parser,
        "--cluster-name",
        variable=False,
        default="",
        metavar="NAME",
        help="name of the cluster, for the column of this name",
    )
    for flag, verb in (("--only", "export only"), ("--ignore", "leave out")):
        add_repeated_flag(
            parser,
            flag,
            variable=False,
            metavar="PATH",
            help=f"{verb} this path; * matches any text (repeatable)",
        )
    add_output_flags(parser, FORMATS, "file", variable=False)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.collectors.registry import REGISTRY
    from kubectl_snapshot.document.diff.selection import Selection
    from kubectl_snapshot.document.fleet.export_rows import Row, RowBuilder, make_encodable

    outputs = prepare_outputs(args, FORMATS)
    refuse_parquet(outputs, out)
    refuse_sources(args.fleet)
    builder = RowBuilder(REGISTRY, Selection(tuple(args.only), tuple(args.ignore)))
    with ExitStack() as stack:
        stack.enter_context(raise_terminated())
        writers = [open_writer(output, out, Row._fields, stack) for output in outputs]
        for source in args.fleet:
            for row in map(make_encodable, read_rows(source, args, builder)):
                for write in writers:
                    write(row)
        builder.refuse_unused()
    return EXIT_OK


def refuse_parquet(outputs: Sequence[Output], out: TextIO) -> None:
    """Raise InvalidRequest for Parquet without pyarrow, or on a terminal."""
    from kubectl_snapshot.clients.files.parquet import check_parquet

    for output in outputs:
        if output.format == PARQUET:
            check_parquet(output.path)
            if not output.path and out.isatty():
                hint = "write a file: -o FILE.parquet"
                raise InvalidRequest("cannot write parquet to a terminal", "it is binary", hint)


def refuse_sources(sources: Sequence[str]) -> None:
    """Raise an error for a source that is missing, or given twice; nothing is written then."""
    seen: set[str] = set()
    for source in sources:
        path = os.path.realpath(source)
        if path in seen:
            raise InvalidRequest(f"{source} was given twice", "its rows would be there twice")
        seen.add(path)
        if source.startswith((CONFIGMAP_SCHEME, "@")):
            hint = f"write a file: kubectl snapshot convert {source} -o node.yaml"
            raise InvalidRequest(f"cannot export {source}", "it is not a file", hint)
        if source != STDIN and not os.path.exists(source):
            raise NotFound(f"no such file: {source}")


def read_rows(source: str, args: argparse.Namespace, builder: RowBuilder) -> Iterator[Row]:
    """Yield the rows of a fleet or of a snapshot; warn about documents that cannot be read."""
    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.fleet.export import read_fleet_rows, read_snapshot_rows

    on_event = choose_progress(args, sys.stderr)

    def warn(error: SnapshotError) -> None:
        message = ": ".join(filter(None, (error.what, error.why)))
        on_event({"event": "warning", "message": message})

    if is_fleet(source):
        return read_fleet_rows(open_fleet(source, args), args.cluster_name, builder, warn)
    return read_snapshot_rows(read_snapshot(source, args, on_event), args.cluster_name, builder)


def open_writer(output: Output, out: TextIO, columns: Sequence[str], stack: ExitStack) -> Write:
    """Return the function that writes a row; the stack completes the file, or leaves the old."""
    from kubectl_snapshot.clients.files.outputfile import open_whole
    from kubectl_snapshot.render import export

    if output.format == PARQUET:
        from kubectl_snapshot.clients.files.parquet import open_parquet

        file = stack.enter_context(open_whole(output.path)) if output.path else out.buffer
        return stack.enter_context(open_parquet(file, columns))
    write: Callable[[str], object] = out.write
    if output.path:
        write = codecs.getwriter("utf-8")(stack.enter_context(open_whole(output.path))).write
    if output.format == CSV:
        write(export.render_csv_line(columns))
        return lambda row: write(export.render_csv_line(row))
    return lambda row: write(export.render_json_line(columns, row))
