"""Read the snapshot that a user names: a file, - for stdin, cm://namespace/name, or @live."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.commands.flags.capture import add_node_flags, add_pod_flags
from kubectl_snapshot.commands.flags.connection import add_connection_flags, connect_with
from kubectl_snapshot.commands.flags.parser import Parser, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.commands.output import add_output_flags
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.agent.config import OnEvent
    from kubectl_snapshot.commands.output import Formats
    from kubectl_snapshot.document.snapshot import Snapshot

STDIN, LIVE = "-", "@live"
HELP = f"file, {STDIN} (stdin), {CONFIGMAP_SCHEME}NAMESPACE/NAME or {LIVE} (capture now)"
EPILOG = f"{LIVE} also takes the flags of a capture: see `kubectl snapshot --help`."


def new_reader_parser(verb: str, description: str, examples: str, usage: str = "") -> Parser:
    """Return the parser of a verb whose first argument is a snapshot.

    `usage` are its other arguments and required flags.
    """
    words = " ".join(filter(None, ("kubectl snapshot", verb, "SNAPSHOT", usage, "[flags]")))
    parser = new_parser(
        f"kubectl snapshot {verb}", description, usage=words, examples=examples, epilog=EPILOG
    )
    parser.add_argument("snapshot", metavar="SNAPSHOT", help=HELP)
    return parser


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


def read_snapshots(
    sources: Sequence[str], args: argparse.Namespace, on_event: OnEvent
) -> list[Snapshot]:
    """Return the snapshots that a user names, in their order; files are read before a capture.

    A capture without a chosen node is of the node of the first other snapshot.
    """
    read = {i: read_snapshot(s, args, on_event) for i, s in enumerate(sources) if s != LIVE}
    if len(read) < len(sources):
        other = next(iter(read), None)
        if other is not None and not (args.local or args.node or args.node_selector):
            choose_node(args, sources[other], read[other], on_event)
        live = [i for i, source in enumerate(sources) if source == LIVE]
        read.update((i, read_snapshot(LIVE, args, on_event)) for i in live)
    return [read[i] for i in range(len(sources))]


def choose_node(
    args: argparse.Namespace, source: str, snapshot: Snapshot, on_event: OnEvent
) -> None:
    """Choose the node of a snapshot for the capture that it is compared with."""
    node = snapshot.metadata.get("source-node", "")
    args.node = [node] if node else []
    if not node:
        hint = f"choose the node of {LIVE} with --node, or --local for this machine"
        raise InvalidRequest(f"{source} does not say which node it is of", hint=hint)
    on_event({"event": "warning", "message": f"{LIVE} is {node}, the node of {source}"})


def read_snapshot(source: str, args: argparse.Namespace, on_event: OnEvent) -> Snapshot:
    """Return the snapshot that a user names; warn about anything unusual in it."""
    from kubectl_snapshot.document.codec.tree import document_warnings
    from kubectl_snapshot.storage.source import read_document

    if not source.strip():
        raise InvalidRequest(
            "the name of a snapshot is empty", hint="is a variable of your shell not set?"
        )
    if source == LIVE:
        snapshot = capture_now(args, on_event)
    else:
        try:
            snapshot = read_document(source, partial(connect_with, args))
        except NotFound as error:
            raise explain_missing(source, error) from error
    for warning in document_warnings(snapshot):
        on_event({"event": "warning", "message": f"{source}: {warning}"})
    return snapshot


def explain_missing(source: str, error: NotFound) -> NotFound:
    """Return the error for a missing file, with the capture if the file may be meant as a node."""
    from kubectl_snapshot.commands.flags.mistakes import looks_like_node

    if error.why or not looks_like_node(source):
        return error
    hint = f"to compare nodes, capture them: kubectl snapshot --node {source} -o {source}.yaml"
    return NotFound(error.what, hint=hint)


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
