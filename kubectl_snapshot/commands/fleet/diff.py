"""kubectl snapshot diff DIR [DIR2]: a fleet's outliers, or its drift between two captures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.console.progress import choose_progress
from kubectl_snapshot.commands.console.terminal import read_width
from kubectl_snapshot.commands.fleet.source import is_fleet, open_fleet, refuse_snapshot_flags
from kubectl_snapshot.commands.mutes import MUTE_FLAGS
from kubectl_snapshot.commands.output import write_each, write_text
from kubectl_snapshot.commands.source import read_snapshot
from kubectl_snapshot.document.diff.selection import Selection, refuse_unused
from kubectl_snapshot.document.fleet.outliers import FleetDiff
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_NO, EXIT_OK, InvalidRequest
from kubectl_snapshot.fleet.drift import find_drift
from kubectl_snapshot.fleet.outliers import find_outliers
from kubectl_snapshot.render.colour import paint_changes
from kubectl_snapshot.render.fleet import text, tree

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.fleet.drift import FleetDrift
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.fleet.fleet import Fleet

FLEET_FLAGS = ("--group-by", "--baseline")
FORMATS = ("text", "wide", "json", "yaml")


def run(args: argparse.Namespace, outputs: Sequence[Output], out: TextIO) -> int:
    """Print outliers or drift; return the exit code of `diff`."""
    refuse_snapshot_flags(args, ("--all", *MUTE_FLAGS))
    for output in outputs:
        if output.format not in FORMATS:
            hint = f"formats of a fleet: {', '.join(FORMATS)}"
            raise InvalidRequest(f"no format {output.format} for a fleet", hint=hint)
    found = _compare(args)

    def write(output: Output) -> None:
        width = 0 if output.path else read_width(out)
        paint = paint_changes if output.format in ("text", "wide") else None
        write_text(output, render(output.format, found, width), out, paint)

    write_each(outputs, write)
    if not found.is_empty:
        return EXIT_NO
    return EXIT_GAPS if args.strict and not found.is_complete else EXIT_OK


def render(name: str, found: FleetDiff | FleetDrift, width: int) -> str:
    """Return outliers or drift in a format."""
    is_wide = name == "wide"
    if isinstance(found, FleetDiff):
        if name in ("json", "yaml"):
            return tree.render_tree(name, tree.build_outliers(found))
        return text.render_outliers(found, width, is_wide)
    if name in ("json", "yaml"):
        return tree.render_tree(name, tree.build_drift(found))
    return text.render_drift(found, width, is_wide)


def _compare(args: argparse.Namespace) -> FleetDiff | FleetDrift:
    selection = Selection(tuple(args.only), tuple(args.ignore))
    if args.b is not None:
        if not (is_fleet(args.a) and is_fleet(args.b)):
            hint = f"to compare all nodes with one snapshot: kubectl snapshot diff {args.a}"
            raise InvalidRequest(
                "a fleet and a snapshot cannot be compared", hint=f"{hint} --baseline FILE"
            )
        refuse_snapshot_flags(args, FLEET_FLAGS)
        fleets = [open_fleet(path, args) for path in (args.a, args.b)]
        _refuse_unused(selection, fleets)
        return find_drift(fleets[0], fleets[1], selection)
    fleet = open_fleet(args.a, args)
    _refuse_unused(selection, [fleet])
    baseline = _read_baseline(args.baseline, fleet, args) if args.baseline else None
    return find_outliers(fleet, args.group_by, baseline, selection, args.baseline)


def _read_baseline(source: str, fleet: Fleet, args: argparse.Namespace) -> Snapshot:
    """Return the document of a node of the fleet, or of a file."""
    if any(node.name == source for node in fleet):
        return fleet.read_node(source)
    return read_snapshot(source, args, choose_progress(args, sys.stderr))


def _refuse_unused(selection: Selection, fleets: Sequence[Fleet]) -> None:
    """Raise InvalidRequest for a pattern that matches nothing in the first node of each fleet."""
    if not (selection.only or selection.ignore):
        return
    first = [next((node.name for node in fleet if node.has_file), "") for fleet in fleets]
    documents = [fleet.read_node(name) for fleet, name in zip(fleets, first) if name]
    refuse_unused(selection, *documents)
