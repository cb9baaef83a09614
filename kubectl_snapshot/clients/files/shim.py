"""Install the completion shim `kubectl_complete-snapshot` in the directory of kubectl-snapshot.

kubectl (1.26 and newer) runs `kubectl_complete-NAME` from the PATH to complete its arguments.
krew links only one program per plugin, so this program writes its shim itself.
"""

from __future__ import annotations

import os
import shutil

from kubectl_snapshot.clients.files.outputfile import write_whole
from kubectl_snapshot.constants import NAME
from kubectl_snapshot.errors import Internal, InvalidRequest, NotFound

SHIM_NAME = "kubectl_complete-snapshot"
MARK = f"written by `{NAME} completion --install`"
# Relative to the shim's own directory, which may be moved. Isolated and without site-packages
# Python starts twice as fast; the zipapp contains all its dependencies.
START_ZIPAPP = 'exec python3 -IS "${0%/*}/' + NAME + '" __complete-for-kubectl "$@"'
START_PROGRAM = 'exec "${0%/*}/' + NAME + '" __complete-for-kubectl "$@"'


def ensure_shim(search_path: str, is_zipapp: bool) -> tuple[str, bool]:
    """Return the shim's path, and whether it was written: missing before, or of another version.

    Its directory is the one on the PATH, even if kubectl-snapshot is a link there. Raises NotFound
    if the PATH has no kubectl-snapshot, InvalidRequest if another program has the shim's name,
    Internal if the directory is not writable.
    """
    program = shutil.which(NAME, path=search_path)
    if program is None:
        hint = f"move {NAME} to a directory of the PATH, where kubectl looks for plugins, too"
        raise NotFound(f"{NAME} not found on the PATH", hint=hint)
    path = os.path.join(os.path.abspath(os.path.dirname(program)), SHIM_NAME)
    text = f"#!/bin/sh\n# {MARK}\n{START_ZIPAPP if is_zipapp else START_PROGRAM}\n"
    found = read_shim(path)
    if found == text and os.access(path, os.X_OK):
        return path, False
    if found and MARK not in found:
        raise InvalidRequest(
            f"{path} belongs to another program", hint=f"rename it: mv {path} {path}.old"
        )
    try:
        write_whole(path, text, mode=0o755)
    except Internal as error:
        directory = os.path.dirname(path)
        hint = f"run it as a user with write access to {directory}, or move {NAME}"
        raise Internal(error.what, error.why, hint) from error
    return path, True


def read_shim(path: str) -> str:
    """Return the first 4096 bytes of the shim, empty if it does not exist."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Internal(f"cannot read {path}", error.strerror or "") from error
