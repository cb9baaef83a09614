"""kubectl snapshot query DIR PATH…: the values of each node, or the nodes of each value."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.console.terminal import read_width
from kubectl_snapshot.commands.fleet.source import open_fleet
from kubectl_snapshot.commands.output import write_each, write_text
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest, SnapshotError
from kubectl_snapshot.render.fleet import readings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

    Find = Callable[[Snapshot, str], dict[str, Scalar]]


def run(
    args: argparse.Namespace,
    outputs: Sequence[Output],
    out: TextIO,
    find: Find,
    explain: Callable[[Snapshot, list[str]], SnapshotError],
) -> int:
    """Print values by node, or nodes by value; return the exit code of `query`."""
    if not args.path:
        hint = f"name one: kubectl snapshot query {args.snapshot} GPU.smi.driver"
        raise InvalidRequest("a fleet needs a path", hint=hint)
    if any(output.template is not None for output in outputs):
        raise InvalidRequest("a template does not apply to a fleet")
    found, first = _read(args, find)
    is_default = not (args.output or args.format)

    def write(output: Output) -> None:
        name = "table" if is_default else output.format
        width = 0 if output.path else read_width(out)
        render = readings.render_groups if args.group else readings.render_nodes
        write_text(output, render(name, found, width), out)

    write_each(outputs, write)
    missing = [p for p in args.path if not any(node.get(p) for node in found.values())]
    if missing:
        raise explain(first, missing)
    return EXIT_OK


def _read(
    args: argparse.Namespace, find: Find
) -> tuple[dict[str, Mapping[str, dict[str, Scalar]]], Snapshot]:
    """Return the readings of each node by the path that was asked for, and one document."""
    fleet = open_fleet(args.snapshot, args)
    found: dict[str, Mapping[str, dict[str, Scalar]]] = {}
    first = None
    reason = "it lists no node"
    for node, snapshot in fleet.read_all():
        if isinstance(snapshot, SnapshotError):
            reason = f"{node.name}: {snapshot.why or snapshot.what}"
            found[node.name] = {}
            continue
        first = first or snapshot
        found[node.name] = {path: find(snapshot, path) for path in args.path}
    if first is None:
        raise InvalidRequest(f"no node of {fleet.directory} has a snapshot", reason)
    return found, first
