"""A directory with the captures of one fleet, a directory each, named by their time."""

from __future__ import annotations

import os
import re
import shutil
from time import gmtime, strftime
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Internal, SnapshotError
from kubectl_snapshot.fleet.files.directory import read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

CAPTURE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
# As a directory's name, in lower case; a large fleet has several ConfigMaps.
IN_CONFIGMAPS = re.compile(r"-([0-9]{8}t[0-9]{6}z)\.tar\.gz(?:\.[0-9]+)?")


def name_capture(seconds: float) -> str:
    """Return the name of a capture that begins at a time of the Unix epoch."""
    return strftime("%Y%m%dT%H%M%SZ", gmtime(seconds))


def list_captures(directory: str) -> list[str]:
    """Return the paths of the captures, the oldest first; links and other names are none."""
    try:
        entries = [e for e in os.scandir(directory) if e.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise Internal(f"cannot read {directory}", error.strerror or str(error)) from error
    return sorted(entry.path for entry in entries if CAPTURE.fullmatch(entry.name))


def choose_expired(captures: Sequence[str], keep: int) -> list[str]:
    """Return the captures older than the newest ones that have a node's document, `keep` of them.

    Without that many, none has expired: a series of failures removes no snapshot.
    """
    whole = [path for path in captures if has_nodes(path)]
    return [path for path in captures if len(whole) > keep and path < whole[-keep]]


def choose_expired_configmaps(names: Sequence[str], prefix: str, keep: int) -> list[str]:
    """Return the ConfigMaps `PREFIX-<time>.tar.gz[.N]` of all but the newest `keep` times."""
    found = {name: IN_CONFIGMAPS.fullmatch(name[len(prefix) :]) for name in names}
    times = {name: match[1] for name, match in found.items() if match}
    kept = sorted(set(times.values()))[-keep:]
    return sorted(name for name, time in times.items() if time < kept[0])


def has_nodes(path: str) -> bool:
    """Return whether a capture has the document of any node."""
    try:
        return any(node.has_file for node in read_manifest(path).nodes)
    except SnapshotError:
        return False


def remove_capture(path: str) -> None:
    """Remove a capture; Internal if a part of it remains."""
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise Internal(f"cannot remove {path}", error.strerror or str(error)) from error
