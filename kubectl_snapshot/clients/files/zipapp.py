"""Locate and read the zipapp that the agent's pod runs: the running one, or the wheel's."""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import kubectl_snapshot
from kubectl_snapshot.constants import MAX_ZIPAPP_BYTES
from kubectl_snapshot.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "KUBECTL_SNAPSHOT_ZIPAPP"
# In the package; scripts/release puts it there for wheel and sdist.
PACKAGED = ("payload", "kubectl-snapshot")
HINT = (
    f"set {VARIABLE} to the kubectl-snapshot zipapp, "
    "or pass --agent image with an --image that contains kubectl-snapshot"
)


def read_zipapp(environment: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the zipapp's bytes and their SHA-256 in hexadecimal.

    The variable names it, else it is the running one, else that of the installed wheel. Raises
    NotFound if there is none: installed by pip from a checkout.
    """
    path = environment.get(VARIABLE) or find_running_zipapp() or find_packaged_zipapp()
    if not path:
        why = "this program was not started from one, and its package has none"
        raise NotFound("no zipapp to run in the pod", why, HINT)
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


def find_packaged_zipapp() -> str:
    """Return the zipapp that a release's wheel installs in the package, empty if there is none."""
    package = os.path.dirname(os.path.abspath(kubectl_snapshot.__file__))
    packaged = os.path.join(package, *PACKAGED)
    return packaged if os.path.isfile(packaged) else ""
