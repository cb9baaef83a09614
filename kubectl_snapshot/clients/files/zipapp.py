"""Locate and read the running zipapp, which the agent's pod runs, too."""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import MAX_ZIPAPP_BYTES
from kubectl_snapshot.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "KUBECTL_SNAPSHOT_ZIPAPP"
HINT = (
    f"set {VARIABLE} to the kubectl-snapshot zipapp, "
    "or pass --agent image with an --image that contains kubectl-snapshot"
)


def read_zipapp(environment: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the running zipapp's bytes and their SHA-256 in hexadecimal.

    Raises NotFound if this process runs from none (installed by pip) and the variable is not set.
    """
    path = environment.get(VARIABLE) or find_running_zipapp()
    if not path:
        raise NotFound("no zipapp to run in the pod", "this program was not started from one", HINT)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_ZIPAPP_BYTES + 1)
    except OSError as error:
        raise NotFound(f"cannot read zipapp {path}", error.strerror or "", HINT) from error
    if len(content) > MAX_ZIPAPP_BYTES or b"PK\x03\x04" not in content[:512]:
        raise InvalidRequest(
            f"{path} is not a kubectl-snapshot zipapp",
            f"it is not a zip file, or has more than {MAX_ZIPAPP_BYTES} bytes",
            HINT,
        )
    return content, sha256(content).hexdigest()


def find_running_zipapp() -> str:
    """Return the zip file that this process was started from, empty if there is none."""
    started = getattr(sys.modules.get("__main__"), "__file__", None) or ""
    archive = os.path.dirname(started)
    return archive if os.path.isfile(archive) else ""
