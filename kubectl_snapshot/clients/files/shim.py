"""The small program that kubectl asks what could be typed next, written beside our own.

kubectl (1.26 and newer) runs `kubectl_complete-NAME` from the PATH for a plugin NAME. krew links
one program for a plugin, so that this one comes from ourselves.
"""

from __future__ import annotations

import os
import shutil

from kubectl_snapshot.constants import NAME
from kubectl_snapshot.errors import Internal, InvalidRequest, NotFound

SHIM_NAME = "kubectl_complete-snapshot"
MARK = f"written by `{NAME} completion --install`"
# Found by where it stands itself: its directory can be moved. Isolated and without site-packages
# Python starts twice as fast, and the zipapp has all that it needs.
START_ZIPAPP = 'exec python3 -IS "${0%/*}/' + NAME + '" __complete-for-kubectl "$@"'
START_PROGRAM = 'exec "${0%/*}/' + NAME + '" __complete-for-kubectl "$@"'


def ensure_shim(search_path: str, is_zipapp: bool) -> tuple[str, bool]:
    """Return where the shim is, and whether it was missing or another one.

    It stands beside the name on the PATH, not beside what a link there leads to. Raises NotFound
    where the PATH has no kubectl-snapshot, InvalidRequest for a file that is not ours, Internal
    where nothing may be written.
    """
    from kubectl_snapshot.clients.files.outputfile import write_whole

    program = shutil.which(NAME, path=search_path)
    if program is None:
        hint = f"put {NAME} into a directory of the PATH, where kubectl looks for plugins, too"
        raise NotFound(f"there is no {NAME} on the PATH", hint=hint)
    path = os.path.join(os.path.abspath(os.path.dirname(program)), SHIM_NAME)
    text = f"#!/bin/sh\n# {MARK}\n{START_ZIPAPP if is_zipapp else START_PROGRAM}\n"
    found = read_shim(path)
    if found == text and os.access(path, os.X_OK):
        return path, False
    if found and MARK not in found:
        raise InvalidRequest(
            f"{path} is another program", hint=f"move it away: mv {path} {path}.old"
        )
    try:
        write_whole(path, text, mode=0o755)
    except Internal as error:
        directory = os.path.dirname(path)
        hint = f"run it as who may write to {directory}, or move {NAME} to a directory of yours"
        raise Internal(error.what, error.why, hint) from error
    return path, True


def read_shim(path: str) -> str:
    """Return the beginning of what is there, empty where nothing is."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Internal(f"cannot read {path}", error.strerror or "") from error
