"""Read versions of installed packages from dpkg's database; no program of the node is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.clients.host.hostpath import HostPath

# A stanza per package (deb822(5)), 1 to 5 MB on a server.
DPKG = "/var/lib/dpkg/status"
MAX_BYTES = 32 * 1024 * 1024


def read_dpkg_versions(host: HostPath, names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that dpkg has installed, as dpkg writes them.

    Raises as HostPath.read_bytes; Absent on a node without dpkg.
    """
    content = b"\n" + host.read_bytes(DPKG, MAX_BYTES)
    versions = ((name, _find_version(content, name)) for name in names)
    return {name: version for name, version in versions if version}


def _find_version(content: bytes, name: str) -> str:
    """Return the version of a package's first installed stanza, "" if there is none."""
    for rest in content.split(f"\nPackage: {name}\n".encode())[1:]:
        stanza = b"\n" + rest.partition(b"\n\n")[0] + b"\n"
        if b"\nStatus: install ok installed\n" in stanza:
            version = stanza.partition(b"\nVersion: ")[2].partition(b"\n")[0]
            return version.decode("utf-8", "backslashreplace")
    return ""
