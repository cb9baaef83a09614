"""Read Docker's configuration (subtype Runtime.docker; docs.docker.com, dockerd, daemon.json)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.runtime.flatten import flatten
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath

DAEMON = "/etc/docker/daemon.json"


def read(host: HostPath) -> Subtype:
    """Return the settings of daemon.json by path. Absent without the file."""
    text = host.read_text(DAEMON)
    try:
        # An empty file is one without settings.
        settings = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{DAEMON} of the node is not JSON", why=str(error)) from error
    if not isinstance(settings, dict):
        raise InvalidRequest(f"{DAEMON} of the node is not a JSON object")
    return Subtype("docker", flatten(settings))
