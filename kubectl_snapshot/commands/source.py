"""Where a verb's document comes from: a file, - for stdin, cm://namespace/name, or @live."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kubectl_snapshot.commands.flags.connection import add_connection_flags, connect_with
from kubectl_snapshot.document.destination import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.snapshotter import OnEvent

STDIN, LIVE = "-", "@live"
HELP = f"a file, {STDIN} for stdin, {CONFIGMAP_SCHEME}NAMESPACE/NAME, or {LIVE} to capture now"
EPILOG = f"{LIVE} takes the flags of a capture, too: see `kubectl snapshot --help`.\n"


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose a cluster, and unnamed in the help those of a capture."""
    from kubectl_snapshot.commands.capture import add_node_flags, add_pod_flags

    known = set(parser._actions)
    add_node_flags(parser)
    add_pod_flags(parser)
    for action in parser._actions:
        if action not in known:
            action.help = argparse.SUPPRESS
    add_connection_flags(parser)


def read_snapshot(source: str, args: argparse.Namespace, on_event: OnEvent) -> Snapshot:
    """Return the document that a user names; tell what is unusual about it."""
    from kubectl_snapshot.document.codec.tree import document_warnings

    snapshot = capture_now(args, on_event) if source == LIVE else _parse(source, args)
    for warning in document_warnings(snapshot):
        on_event({"event": "warning", "message": f"{source}: {warning}"})
    return snapshot


def capture_now(args: argparse.Namespace, on_event: OnEvent) -> Snapshot:
    """Return a new snapshot of the node that the flags choose."""
    from kubectl_snapshot.commands.capture import take

    snapshot = take(args, (), on_event)
    on_event({"event": "done"})
    return snapshot


def _parse(source: str, args: argparse.Namespace) -> Snapshot:
    from kubectl_snapshot.document.codec.parse import parse_document

    if source.startswith(CONFIGMAP_SCHEME):
        return parse_document(_read_configmap(source, connect_with(args)), source)
    if source.startswith(("http://", "https://")):
        raise InvalidRequest(
            "documents are not fetched from the web", hint=f"curl -fsS {source} | … {STDIN}"
        )
    from kubectl_snapshot.clients.files.localfile import read_input
    from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES

    name = "stdin" if source == STDIN else source
    return parse_document(read_input(source, MAX_DOCUMENT_BYTES), name)


def _read_configmap(uri: str, kube: Kube) -> str:
    from kubectl_snapshot.clients.kube.configmap import read_configmap
    from kubectl_snapshot.storage.configmap import parse_configmap, parse_place

    place = parse_place(uri)
    return parse_configmap(read_configmap(kube, place.namespace, place.name), uri)
