"""What the verbs share that read a fleet's directory in place of a snapshot."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from kubectl_snapshot.commands.flags.parser import given
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.fleet.fleet import Fleet

HELP = "or a fleet: its directory or tar file"
STDIN, HEAD_BYTES = "-", 512
GZIP = b"\x1f\x8b"
# A YAML document of these encodings has NUL bytes, as the headers of a tar file.
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def is_fleet(source: str | None) -> bool:
    """Return whether a user names a directory or a tar file, also in ConfigMaps.

    Stdin (`-`) is not consumed.
    """
    if not source:
        return False
    if source.startswith(CONFIGMAP_SCHEME):
        return source.endswith((".tar.gz", ".tgz"))
    return os.path.isdir(source) or looks_like_tar(_peek(source))


def looks_like_tar(head: bytes) -> bool:
    """Return whether a file that begins so is a tar file or gzipped: text has no NUL bytes."""
    return head.startswith(GZIP) or (b"\0" in head and not head.startswith(UTF16))


def _peek(source: str) -> bytes:
    """Return the first bytes of a regular file or of stdin, none of what cannot be read twice."""
    try:
        if source == STDIN:
            # Replaced streams, as of an embedding program, may have no buffer to look into.
            peek = getattr(getattr(sys.stdin, "buffer", None), "peek", None)
            return bytes(peek(HEAD_BYTES)[:HEAD_BYTES]) if peek else b""
        if not stat.S_ISREG(os.stat(source).st_mode):
            return b""
        with open(source, "rb") as file:
            return file.read(HEAD_BYTES)
    except (OSError, ValueError):
        return b""


def open_fleet(path: str, args: argparse.Namespace) -> Fleet:
    """Return the fleet in a directory or tar file; warn about a run that did not end."""
    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.document.fleet.manifest import FINISHED
    from kubectl_snapshot.fleet.fleet import load_fleet

    fleet = _open_configmaps(path, args) if path.startswith(CONFIGMAP_SCHEME) else load_fleet(path)
    runs = fleet.manifest.runs
    if runs and runs[-1].state != FINISHED:
        message = f"the capture of {fleet.directory} did not end ({runs[-1].state})"
        if os.path.isdir(path):
            message += f"; complete it with `kubectl snapshot --resume {path}`"
        choose_progress(args, sys.stderr)({"event": "warning", "message": message})
    return fleet


def _open_configmaps(uri: str, args: argparse.Namespace) -> Fleet:
    import io

    from kubectl_snapshot.commands.flags.connection import connect_with
    from kubectl_snapshot.fleet.fleet import open_fleet_archive
    from kubectl_snapshot.storage.fleet_configmap import read_fleet_configmaps

    return open_fleet_archive(io.BytesIO(read_fleet_configmaps(uri, connect_with(args))), uri)


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
