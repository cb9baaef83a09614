"""Read versions of installed packages from dpkg's database; no program of the node is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.clients.host.hostpath import HostPath

# A stanza per package (deb822(5)), 1 to 5 MB on a server.
DPKG = "/var/lib/dpkg/status"
MAX_BYTES = 32 * 1024 * 1024


def read_dpkg_versions(host: HostPath, names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that dpkg has installed, as dpkg writes them.

    Raises as HostPath.read_bytes; Absent on a node without dpkg; InvalidRequest for a file that
    does not end as dpkg ends it: its last version may be cut.
    """
    wanted = {f"Package: {name}".encode(): name for name in names}
    found = {}
    status = host.read_bytes(DPKG, MAX_BYTES)
    if status and not status.endswith(b"\n"):
        raise InvalidRequest(f"{DPKG} of the node is truncated")
    for stanza in status.split(b"\n\n"):
        # dpkg writes the name first.
        name = wanted.get(stanza.partition(b"\n")[0])
        if name and name not in found and b" ok installed\n" in stanza:
            version = stanza.partition(b"\nVersion: ")[2].partition(b"\n")[0]
            if version:
                found[name] = version.decode("utf-8", "backslashreplace")
    return {name: found[name] for name in wanted.values() if name in found}
