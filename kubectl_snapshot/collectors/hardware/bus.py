"""Read PCIe links and errors of GPUs, network cards and NVMe disks and of the bridges above them.

Sources: Documentation/ABI/testing/sysfs-bus-pci, sysfs-bus-pci-devices-aer_stats,
sysfs-kernel-iommu_groups; drivers/nvme/host/sysfs.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.pci import PCI_DEVICES, find_pci_path
from kubectl_snapshot.collectors.run.context import read_subtype
from kubectl_snapshot.collectors.sysfs import (
    is_number,
    parse_values,
    read_keys,
    read_names,
    read_optional,
)
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.sysfs import Data

GPU, NIC, NVME, BRIDGE, GPU_PORT = "gpu", "nic", "nvme", "bridge", "gpu-port"
# By PCI class, and subclass where needed: display, network, NVMe; processing accelerators.
KINDS = {"0x02": NIC, "0x0108": NVME, "0x0302": GPU, "0x0380": GPU, "0x12": GPU}
VGA = "0x0300"
# The graphics of a server's BMC are VGA, too.
GPU_VENDORS = ("0x10de", "0x1002", "0x8086")
LINK_FILES = {
    "current_link_speed": "current-speed",
    "current_link_width": "current-width",
    "max_link_speed": "max-speed",
    "max_link_width": "max-width",
}
AER_FILES = {
    "aer_dev_correctable": "correctable",
    "aer_dev_nonfatal": "nonfatal",
    "aer_dev_fatal": "fatal",
}
NVMES = "/sys/class/nvme"
NVME_FILES = {
    "model": "model",
    "firmware_rev": "firmware",
    "serial": "serial",
    "state": "state",
    "transport": "transport",
    "numa_node": "numa-node",
}


def read_bus(host: HostPath) -> Iterator[Subtype]:
    """Yield the links and the errors, for which the bus is searched once."""
    found: list[dict[str, tuple[str, str]]] = []

    def find() -> dict[str, tuple[str, str]]:
        if not found:
            found.append(_find_devices(host))
        return found[0]

    yield read_subtype("pcie", lambda: Subtype("pcie", _read_links(host, find())))
    yield read_subtype("pcie-errors", lambda: _read_errors(host, find()))


def read_nvme(host: HostPath) -> Subtype:
    """Return model, firmware and state of each NVMe controller, by PCI address or else by name."""
    data: Data = {}
    for name in read_names(host, NVMES):
        directory = host.resolve(f"{NVMES}/{name}")
        path = find_pci_path(directory)
        key = path[-1] if path else name
        files = read_keys(host, directory, NVME_FILES)
        data.update({f"{key}.{name}": value for name, value in files.items()})
    if not data:
        host.read_names("/sys/class")  # raises where nothing is known
        raise Absent("the node has no NVMe disk")
    return Subtype("nvme", data)


def find_kind(class_code: str, vendor: str) -> str:
    """Return `gpu`, `nic` or `nvme` by a PCI device's class and vendor, "" for any other."""
    if class_code.startswith(VGA):
        return GPU if vendor in GPU_VENDORS else ""
    return KINDS.get(class_code[:6]) or KINDS.get(class_code[:4], "")


def parse_total(text: str) -> int | None:
    """Return the total of a file of error counters, its line `TOTAL_ERR_… N`."""
    words = text.partition("TOTAL_ERR_")[2].split(maxsplit=2)
    return int(words[1]) if len(words) > 1 and is_number(words[1]) else None


def _find_devices(host: HostPath) -> dict[str, tuple[str, str]]:
    """Return kind and directory of each device and of each bridge above it, by PCI address."""
    found: dict[str, tuple[str, str]] = {}
    for address in read_names(host, PCI_DEVICES):
        directory = host.resolve(f"{PCI_DEVICES}/{address}")
        try:
            files = host.read_values(directory, ("class", "vendor"))
        except Absent:
            continue  # removed meanwhile
        kind = find_kind(files.get("class", ""), files.get("vendor", ""))
        # A virtual function has no link of its own.
        if not kind or host.read_link_name(f"{directory}/physfn"):
            continue
        found[address] = kind, directory
        for number, bridge in enumerate(reversed(find_pci_path(directory)[1:-1])):
            directory = directory.rpartition("/")[0]
            is_port = kind == GPU and number == 0
            if is_port or bridge not in found:
                found[bridge] = GPU_PORT if is_port else BRIDGE, directory
    return found


def _read_links(host: HostPath, devices: Mapping[str, tuple[str, str]]) -> Data:
    if not devices:
        host.read_names("/sys/bus")  # raises where nothing is known
        raise Absent("no GPU, network card or NVMe disk is on the node's PCI bus")
    data: Data = {}
    links: dict[str, Data] = {}
    for address, (kind, directory) in devices.items():
        link = links[address] = parse_values(host.read_values(directory, LINK_FILES), LINK_FILES)
        if kind not in (BRIDGE, GPU_PORT):
            link.update(read_optional(host, f"{directory}/iommu_group", {"type": "iommu-domain"}))
    for address, (kind, directory) in devices.items():
        above = find_pci_path(directory)[-2]
        links[address].update(_count_lanes(links[address], links.get(above, {})))
        data.update({f"{kind}.{address}.{key}": value for key, value in links[address].items()})
    if not data:
        raise Absent("no GPU, network card or NVMe disk of the node has a PCIe link")
    return data


def _count_lanes(link: Data, above: Data) -> Data:
    """Return how many lanes a link lacks that both its ends have; {} if one end does not say.

    A slot with fewer lanes than its card is no loss.
    """
    card, slot, current = (
        link.get("max-width"),
        above.get("max-width"),
        link.get("current-width"),
    )
    if isinstance(card, int) and isinstance(slot, int) and isinstance(current, int):
        return {"missing-lanes": max(min(card, slot) - current, 0)}
    return {}


def _read_errors(host: HostPath, devices: Mapping[str, tuple[str, str]]) -> Subtype:
    data: Data = {}
    reporting = 0
    for address, (_, directory) in devices.items():
        files = host.read_values(directory, AER_FILES)
        totals = {AER_FILES[name]: parse_total(text) for name, text in files.items()}
        reporting += bool(totals)
        data.update({f"{address}.{key}": total for key, total in totals.items() if total})
    if not reporting:
        host.read_names("/sys/bus")
        raise Absent("no such device counts its errors (AER)")
    return Subtype("pcie-errors", {"reporting-devices": reporting, **data})
