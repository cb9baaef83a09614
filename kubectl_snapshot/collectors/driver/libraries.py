"""Read versions of the drivers' user libraries and tools from the names of files.

Sources: the names of the packages' files (libnccl.so.2.26.2, /usr/local/cuda-12.8); `ofed_info`,
which is a script that prints its version.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.clients.host.hostpath import HostPath

DIRECTORIES = (
    *("/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib"),
    *("/usr/lib64/nvidia", "/usr/lib", "/opt/amazon/efa/lib", "/opt/amazon/efa/lib64"),
)
LIBRARIES = (
    *("libcuda", "libcudart", "libcudadebugger", "libnvidia-ml", "libnvidia-container"),
    *("libnvidia-nscq", "libnvsdm", "libnccl", "libnccl-net", "libgdrapi", "libibverbs", "libmlx5"),
    *("libefa", "libfabric", "libdcgm", "libnvfm"),
)
VERSION = rf"({'|'.join(LIBRARIES)})\.so\.(\d+\.\d[\w.+~-]*)"
CUDA_PARENT, CUDA = "/usr/local", "cuda"
OFED_INFO = "/usr/bin/ofed_info"
OFED = r"\b((?:MLNX_OFED_LINUX|MLNX_EN|OFED-internal|DOCA-OFED)-\d[\w.-]*)"
# Directories of the repository package, `doca-host-3.1.0-091000-25.07-ubuntu2404`; and DOCA's own.
SHARE, DOCA_HOST = "/usr/share", "doca-host-"
DOCA_VERSION = "/opt/mellanox/doca/applications/VERSION"


def read(host: HostPath) -> Subtype:
    """Return the versions of the libraries found, several of one separated by commas."""
    found: dict[str, set[str]] = {}
    listed: dict[str, tuple[str, ...]] = {}
    for directory in DIRECTORIES:
        place = host.resolve(directory)
        if place not in listed:
            listed[place] = _read_names(host, place, LIBRARIES)
            for library, version in find_versions(listed[place]):
                found.setdefault(library, set()).add(version)
    tools = {
        "cuda-toolkits": [n[5:] for n in _read_names(host, CUDA_PARENT, ("cuda-",))],
        "cuda-default": _find_default_cuda(host),
        "ofed": _read_first(host, OFED_INFO, OFED),
        "doca-host": [n[len(DOCA_HOST) :] for n in _read_names(host, SHARE, (DOCA_HOST,))],
        "doca": _read_first(host, DOCA_VERSION, r"\d[\w.-]*"),
    }
    data = {name: ",".join(texts) for name, texts in tools.items() if texts}
    data.update({name: ",".join(sorted(texts)) for name, texts in sorted(found.items())})
    if not data:
        raise Absent("no user library of a GPU's or network card's driver is on the node")
    return Subtype("libraries", data)


def find_versions(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return library and version of each file name that has both."""
    found = (re.fullmatch(VERSION, name) for name in names)
    return [(match[1], match[2]) for match in found if match]


def _find_default_cuda(host: HostPath) -> list[str]:
    """Return the version that /usr/local/cuda leads to, over /etc/alternatives."""
    name = host.resolve(f"{CUDA_PARENT}/{CUDA}").rpartition("/")[2]
    return [name[5:]] if name.startswith("cuda-") else []


def _read_first(host: HostPath, path: str, pattern: str) -> list[str]:
    try:
        found = re.search(pattern, host.read_text(path))
    except Absent:
        return []
    return [found[0]] if found else []


def _read_names(host: HostPath, directory: str, beginnings: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return host.read_names(directory, beginnings)
    except Absent:
        return ()
