"""kubectl snapshot --all-nodes, -l, --nodes-from, --resume: capture many nodes."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.commands.console.fleet_progress import choose_fleet_progress
from kubectl_snapshot.commands.console.interrupts import install_handlers
from kubectl_snapshot.commands.flags.capture import parse_config
from kubectl_snapshot.commands.flags.fleet import (
    choose_place,
    parse_fleet_config,
    read_names,
    refuse_other_flags,
)
from kubectl_snapshot.commands.fleet.archive import STDOUT, use_directory, write_archive
from kubectl_snapshot.document.fleet.manifest import coverage
from kubectl_snapshot.errors import EXIT_GAPS, ServiceUnavailable, Terminated
from kubectl_snapshot.fleet.capture import capture_fleet
from kubectl_snapshot.fleet.coverage import choose_exit_code, parse_coverage, render_coverage
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from kubectl_snapshot.commands.flags.fleet import FleetPlace
    from kubectl_snapshot.document.fleet.manifest import FleetManifest
    from kubectl_snapshot.fleet.planning.config import FleetConfig


def run_fleet(args: argparse.Namespace) -> int:
    """Capture the fleet that the flags select; return the exit code."""
    refuse_other_flags(args)
    place = choose_place(args)
    with use_directory(place, args) as directory:
        return capture_into(args, place, directory)


def capture_into(args: argparse.Namespace, place: FleetPlace, directory: str) -> int:
    """Capture into the directory; write the tar file, unless the capture is interrupted."""
    min_coverage = parse_coverage(args.min_coverage) if args.min_coverage else None
    on_event = choose_fleet_progress(args, sys.stderr)
    names = read_names(args)
    args.node = []
    config = parse_fleet_config(args, parse_config(args, on_event), directory, names)
    manifest, signals = capture_until_signal(config)
    where = place.archive or directory
    on_event({"event": "fleet-done", **_describe(manifest), "directory": where})
    if not (args.quiet or args.log_json):
        sys.stderr.write(render_coverage(manifest))
    if signals:
        if place.archive not in ("", STDOUT) and not place.is_configmap:
            hint = f"complete it with `kubectl snapshot --resume {directory} -o {place.archive}`"
            on_event({"event": "warning", "message": f"{place.archive} was not written; {hint}"})
        raise KeyboardInterrupt if signals[0] == 2 else Terminated(signals[0])
    refuse_empty(manifest)
    write_archive(place, directory, manifest, args)
    code = choose_exit_code(manifest, args.strict != "false", min_coverage)
    has_stopped = manifest.runs[-1].state != "finished"
    return EXIT_GAPS if has_stopped else code


def capture_until_signal(config: FleetConfig) -> tuple[FleetManifest, list[int]]:
    """Capture; the first signal lets running nodes finish, the second exits at once.

    Returns the manifest and the signals that came.
    """
    cancel = threading.Event()
    signals: list[int] = []
    command = ""

    def on_event(event: Mapping[str, Any]) -> None:
        nonlocal command
        if event.get("event") == "fleet":
            command = event["cleanup"].strip("`")
        config.agent.on_event(event)

    def on_first(number: int) -> None:
        signals.append(number)
        cancel.set()

    install_handlers(lambda: command or "(nothing was created yet)", on_first)
    agent = replace(config.agent, on_event=on_event, cancel=cancel)
    fleet = capture_fleet(replace(config, agent=agent))
    for _ in fleet:
        pass
    return fleet.manifest, signals


def refuse_empty(manifest: FleetManifest) -> None:
    """Raise ServiceUnavailable, with the first reason, if no node was captured."""
    if any(node.has_file for node in manifest.nodes):
        return
    first = manifest.nodes[0]
    why = f"{first.name}: {first.cause}: {first.reason}"
    raise ServiceUnavailable("no node of the fleet was captured", why, "see the table above")


def _describe(manifest: FleetManifest) -> dict[str, Any]:
    run = manifest.runs[-1]
    share = round(coverage(manifest.nodes), 4)
    counts = {"nodes": len(manifest.nodes), **manifest.counts}
    return {"run-id": run.run_id, "state": run.state, **counts, "coverage": share}
