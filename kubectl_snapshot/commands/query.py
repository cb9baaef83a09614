"""kubectl snapshot query SNAPSHOT PATH…: print values by path, or render a template."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.console.terminal import read_width
from kubectl_snapshot.commands.flags.parser import Parser, add_boolean_flag
from kubectl_snapshot.commands.fleet.source import is_fleet, refuse_fleet_flags
from kubectl_snapshot.commands.output import (
    TEMPLATE,
    Formats,
    add_template_flag,
    prepare_outputs,
    render_output,
    write_each,
    write_text,
)
from kubectl_snapshot.commands.source import add_reader_flags, new_reader_parser, read_snapshot
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest, NotFound
from kubectl_snapshot.render.all_renderers import detect_format

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

EXAMPLES = """\
  # Print one value
  kubectl snapshot query snap.yaml K8s.server.version

  # Print the UUIDs of all GPUs as a table
  kubectl snapshot query snap.yaml 'GPU.gpu-*.uuid' -o table

  # Print a subtype of a snapshot in a ConfigMap
  kubectl snapshot query cm://ops/gpu-17 OS.release -o json

  # Show which nodes of a fleet have which driver
  kubectl snapshot query fleet/ GPU.smi.driver --group

  # Render a Jinja2 template
  kubectl snapshot query snap.yaml --template report.md.j2
"""


FORMATS = Formats(("value", "json", "yaml", "table", TEMPLATE), "value", detect_format)


def build_parser() -> Parser:
    parser = new_reader_parser(
        "query",
        "Print the values at paths of a snapshot.\n\n"
        "Exit codes: 0 all were found, 3 a path has no value in this snapshot, 2 no\n"
        "snapshot can have it, others: the snapshot could not be read.\n\n"
        "With the directory of a fleet, print the values of each node.",
        examples=EXAMPLES,
        usage="[PATH...]",
    )
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="*",
        default=[],  # Else argparse requires one.
        help="Type.subtype.key or metadata.key; * matches any text (default: all)",
    )
    add_boolean_flag(parser, "--group", variable=False, help="of a fleet: the nodes of each value")
    add_template_flag(add_reader_flags(parser, FORMATS), variable=False)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.commands.console.progress import choose_progress

    outputs = prepare_outputs(args, FORMATS, args.template)
    if is_fleet(args.snapshot):
        from kubectl_snapshot.commands.fleet import query as fleet_query

        return fleet_query.run(args, outputs, out, find, explain)
    refuse_fleet_flags(args, ("--group",))
    if args.path and any(output.template for output in outputs):
        raise InvalidRequest(
            "a path and a template are mutually exclusive",
            hint=f"use reading('{args.path[0]}') in the template",
        )
    snapshot = read_snapshot(args.snapshot, args, choose_progress(args, sys.stderr))
    found: dict[str, Scalar] = {}
    missing = []
    for path in args.path or ["*"]:
        readings = find(snapshot, path)
        found.update(readings)
        if not readings:
            missing.append(path)
    if len(found) > 1 and not (args.output or args.format or args.template):
        # Of several values, which is which; `-o value` prints the values only.
        outputs = (outputs[0]._replace(format="table"),)

    def write(output: Output) -> None:
        width = 0 if output.path else read_width(out)
        write_text(output, render(output, snapshot, found, width), out)

    write_each(outputs, write)
    if missing:
        raise explain(snapshot, missing)
    return EXIT_OK


def render(output: Output, snapshot: Snapshot, found: Mapping[str, Scalar], width: int) -> str:
    if output.template is not None:
        return render_output(output, snapshot, width)
    # Parsing flags, for completion, must not import this.
    from kubectl_snapshot.render import readings

    if output.format == "table":
        return readings.render_table(found, width)
    renderers = {"json": readings.render_json, "yaml": readings.render_yaml}
    return renderers.get(output.format, readings.render_values)(found)


def find(snapshot: Snapshot, path: str) -> dict[str, Scalar]:
    """Return the readings that match a path, else all readings below it."""
    from kubectl_snapshot.document.paths import find_readings

    return find_readings(snapshot, path) or find_readings(snapshot, f"{path}.*")


def explain(snapshot: Snapshot, missing: list[str]) -> NotFound:
    """Return NotFound for the paths without a value, with the reason for the first one.

    Raises InvalidRequest if no snapshot can have one of them.
    """
    from kubectl_snapshot.collectors.registry import REGISTRY
    from kubectl_snapshot.document.known_paths import explain_path

    reasons = [explain_path(path, snapshot, REGISTRY) for path in missing]
    hint = "list all paths with `kubectl snapshot query SNAPSHOT -o table`"
    return NotFound(f"the snapshot has no {', '.join(missing)}", reasons[0], hint)
