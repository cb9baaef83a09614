"""What the verbs share that read a fleet's directory in place of a snapshot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_snapshot.commands.flags.parser import given
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.fleet.fleet import Fleet

HELP = "or the directory of a fleet"


def is_fleet(source: str | None) -> bool:
    """Return whether a user names a directory."""
    return bool(source) and os.path.isdir(str(source))


def open_fleet(path: str, args: argparse.Namespace) -> Fleet:
    """Return the fleet in a directory; warn about a run that did not end."""
    import sys

    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.document.fleet.manifest import FINISHED
    from kubectl_snapshot.fleet.fleet import load_fleet

    fleet = load_fleet(path)
    runs = fleet.manifest.runs
    if runs and runs[-1].state != FINISHED:
        message = (
            f"the capture of {path} did not end ({runs[-1].state}); "
            f"complete it with `kubectl snapshot --resume {path}`"
        )
        choose_progress(args, sys.stderr)({"event": "warning", "message": message})
    return fleet


def refuse_other_formats(outputs: Sequence[Output], formats: Sequence[str]) -> None:
    """Raise InvalidRequest for a format that a fleet does not have."""
    for output in outputs:
        if output.format not in formats:
            hint = f"formats of a fleet: {', '.join(formats)}"
            raise InvalidRequest(f"no format {output.format} for a fleet", hint=hint)


def refuse_fleet_flags(args: argparse.Namespace, flags: Sequence[str]) -> None:
    """Raise InvalidRequest for a flag that needs a fleet."""
    for flag in flags:
        if flag[2:].replace("-", "_") in given(args):
            hint = "capture one with `kubectl snapshot --all-nodes -o DIR/`"
            raise InvalidRequest(f"{flag} needs the directory of a fleet", hint=hint)


def refuse_snapshot_flags(args: argparse.Namespace, flags: Sequence[str]) -> None:
    """Raise InvalidRequest for a flag that needs two snapshots."""
    for flag in flags:
        if flag[2:].replace("-", "_") in given(args):
            raise InvalidRequest(f"{flag} does not apply to a fleet")
