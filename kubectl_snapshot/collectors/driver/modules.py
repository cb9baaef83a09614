"""Read versions and parameters of the loaded modules of GPUs, network cards and NVMe.

Source: Documentation/ABI/stable/sysfs-module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import build_partial_subtype
from kubectl_snapshot.errors import Absent, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Subtype

MODULES = "/sys/module"
# Beginnings of names: GPUs, RDMA, network cards of servers and clouds, NVMe.
NAMES = (
    *("nvidia", "nouveau", "gdrdrv", "nv_peer_mem", "mlx", "ib_", "rdma_", "irdma", "efa"),
    *("i40e", "iavf", "idpf", "bnxt", "ena", "gve", "nvme"),
)
# Whole names that are the beginning of others.
SHORT_NAMES = ("ice", "iw_cm")
VERSIONS = ("version", "srcversion")


def is_driver(name: str) -> bool:
    """Return whether a module drives a GPU, a network card or an NVMe disk, or helps to."""
    return name.startswith(NAMES) or name in SHORT_NAMES


def read(host: HostPath) -> Subtype:
    """Return `<module>.version`, `<module>.srcversion` and `<module>.parameter.<name>`."""
    data: dict[str, str] = {}
    errors: list[SnapshotError] = []
    modules = [name for name in host.read_names(MODULES) if is_driver(name)]
    if not modules:
        raise Absent("no module of a GPU, a network card or an NVMe disk is loaded")
    for module in modules:
        directory = f"{MODULES}/{module}"
        for name, text in host.read_values(directory, VERSIONS).items():
            data[f"{module}.{name}"] = text
        for name, text in _read_parameters(host, f"{directory}/parameters", errors):
            data[f"{module}.parameter.{name}"] = text
    return build_partial_subtype("modules", data, errors, {})


def _read_parameters(
    host: HostPath, directory: str, errors: list[SnapshotError]
) -> Iterator[tuple[str, str]]:
    """Yield name and text of each parameter; one that nobody may read is left out."""
    try:
        files = host.read_tree(directory, lambda _: False)
    except Absent:
        return  # it has none
    for path, content in files.items():
        if isinstance(content, bytes):
            text = content.decode("utf-8", "backslashreplace").strip()
            yield path.rpartition("/")[2], text
        elif not isinstance(content, Absent):
            errors.append(content)
