"""The program's ConfigMap or the key's Secret was deleted before the pod mounted it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

# The first one may be of a kubelet's cache that is behind; it tries again after half a second.
MIN_COUNT = 2
KINDS = {"configmap": "ConfigMap", "secret": "Secret"}


def diagnose_mount(event: Mapping[str, Any], options: JobOptions) -> SnapshotError | None:
    """Return that an object of the run is gone, from a repeated FailedMount event; else None."""
    if event.get("reason") != "FailedMount" or int(event.get("count") or 1) < MIN_COUNT:
        return None
    message = str(event.get("message", ""))
    found = re.search(r'(configmap|secret) "([^"]+)" not found', message)
    if found is None or found[2] != options.name:
        return None
    return Internal(
        f"{KINDS[found[1]]} {options.namespace}/{options.name} was deleted by another client",
        message,
        "run it again, and find out who deletes objects with our labels",
    )
