"""Read the snapshot that a user names: a file, - for stdin, cm://namespace/name, or @live."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.commands.flags.capture import add_node_flags, add_pod_flags
from kubectl_snapshot.commands.flags.connection import add_connection_flags, connect_with
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.commands.output import add_output_flags
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.agent.config import OnEvent
    from kubectl_snapshot.commands.output import Formats
    from kubectl_snapshot.document.snapshot import Snapshot

STDIN, LIVE = "-", "@live"
HELP = f"file, {STDIN} (stdin), {CONFIGMAP_SCHEME}NAMESPACE/NAME or {LIVE} (capture now)"
EPILOG = f"{LIVE} also takes the flags of a capture: see `kubectl snapshot --help`."


def add_reader_flags(parser: argparse.ArgumentParser, formats: Formats) -> argparse._ArgumentGroup:
    """Add the flags of a command that reads snapshots; return the output group."""
    group = add_output_flags(parser, formats, "file", variable=False)
    add_source_flags(parser)
    add_log_flags(parser)
    return group


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """Add the connection flags and, not listed in the help, the flags of a capture."""
    known = set(parser._actions)
    add_node_flags(parser)
    add_pod_flags(parser)
    for action in parser._actions:
        if action not in known:
            action.help = argparse.SUPPRESS
    add_connection_flags(parser)


def read_snapshot(source: str, args: argparse.Namespace, on_event: OnEvent) -> Snapshot:
    """Return the snapshot that a user names; warn about anything unusual in it."""
    from kubectl_snapshot.document.codec.tree import document_warnings
    from kubectl_snapshot.storage.source import read_document

    if source == LIVE:
        snapshot = capture_now(args, on_event)
    else:
        snapshot = read_document(source, partial(connect_with, args))
    for warning in document_warnings(snapshot):
        on_event({"event": "warning", "message": f"{source}: {warning}"})
    return snapshot


def refuse_stdin_twice(*sources: str | None) -> None:
    """Raise InvalidRequest for two inputs from stdin."""
    if sources.count(STDIN) > 1:
        raise InvalidRequest("stdin was given twice", hint="give one of them as a file")


def capture_now(args: argparse.Namespace, on_event: OnEvent) -> Snapshot:
    """Return a new snapshot of the chosen node."""
    from kubectl_snapshot.commands.capture import capture

    snapshot = capture(args, (), on_event)
    on_event({"event": "done"})
    return snapshot
