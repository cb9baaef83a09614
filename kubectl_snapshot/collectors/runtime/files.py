"""Read the files that configurations of container runtimes are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.host.packages import read_dpkg_versions
from kubectl_snapshot.collectors.runtime.toml import parse_toml
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, InvalidRequest, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.clients.host.hostpath import HostPath


PACKAGES = (
    *("containerd", "containerd.io", "cri-o", "docker-ce", "docker.io", "moby-containerd"),
    *("runc", "crun", "moby-runc", "kata-containers", "runsc", "nvidia-container-toolkit"),
    *("nvidia-container-toolkit-base", "libnvidia-container1", "nvidia-container-runtime"),
    "nvidia-docker2",
)
RPM_DATABASES = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")


def find_files(host: HostPath, paths: Iterable[str]) -> list[str]:
    """Return the paths that exist on the node. Raises Unavailable if its files are not visible."""
    found = []
    for path in paths:
        directory, _, name = path.rpartition("/")
        try:
            if name in host.read_names(directory or "/", (name,)):
                found.append(path)
        except Absent:
            continue
    return found


def read_toml(host: HostPath, path: str) -> dict[str, Any]:
    """Return a TOML file of the node. Raises InvalidRequest with path and line."""
    text = host.read_text(path)
    try:
        return parse_toml(text)
    except InvalidRequest as error:
        raise InvalidRequest(f"{path} of the node: {error.what}", why=error.why) from error


def read_packages(host: HostPath) -> Subtype:
    """Return the versions of installed packages of container runtimes (subtype Runtime.packages).

    Unavailable where packages are RPMs: their database is a binary file.
    """
    try:
        versions = read_dpkg_versions(host, PACKAGES)
    except Absent:
        if find_files(host, RPM_DATABASES):
            raise Unavailable("the versions of RPM packages are not read from files") from None
        raise
    return Subtype("packages", versions)
