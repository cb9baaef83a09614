"""List the NVIDIA GPUs on the node's PCI bus from sysfs, without the driver."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Absent, InvalidRequest
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath

PCI_DEVICES = "/sys/bus/pci/devices"
# /sys/devices/pci0000:00
HOST_BRIDGE = "pci"
NVIDIA = 0x10DE
# PCI class codes: VGA controller, 3D controller. NVSwitches are bridges.
GPU_CLASSES = (0x0300, 0x0302)

# Domain; bus, device and function.
_ADDRESS = compile_late(r"([0-9A-Fa-f]{4,8}):([0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])", re.ASCII)


@dataclass(frozen=True)
class PciGpu:
    """One GPU on the PCI bus. `driver` is empty if none is bound; `numa_node` None if unknown.

    `device_id` is four hexadecimal digits, empty if it could not be read.
    """

    address: str
    driver: str = ""
    numa_node: int | None = None
    device_id: str = ""


def read_pci_gpus(host: HostPath) -> tuple[PciGpu, ...]:
    """Return the NVIDIA GPUs sorted by PCI address, without SR-IOV virtual functions.

    A virtual function is a part of its GPU, for a virtual machine. Raises Unavailable if the node's
    /sys is not visible. Source: Documentation/ABI/testing/sysfs-bus-pci, the links `driver` and
    (Documentation/PCI/pci-iov-howto.rst) `physfn`.
    """
    try:
        addresses = host.read_names(PCI_DEVICES)
    except Absent:
        return ()  # /sys is visible and has no PCI bus
    return tuple(_read_gpu(host, address) for address in addresses if _is_gpu(host, address))


def parse_address(text: str) -> str:
    """Return a PCI address in the kernel's format; NVML writes `00000000:1B:00.0`."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise InvalidRequest(f'invalid PCI address "{text}"')
    return f"{int(match[1], 16):04x}:{match[2].lower()}"


def find_pci_path(path: str) -> tuple[str, ...]:
    """Return the host bridge, bridges and device of a path in sysfs; () for no PCI device."""
    parts = path.split("/")
    return tuple(part for part in parts if part.startswith(HOST_BRIDGE) or _ADDRESS.fullmatch(part))


def _is_gpu(host: HostPath, address: str) -> bool:
    if _read_number(host, address, "vendor", 16) != NVIDIA:
        return False
    class_code = _read_number(host, address, "class", 16)
    if class_code is None or class_code >> 8 not in GPU_CLASSES:
        return False
    return not host.read_link_name(f"{PCI_DEVICES}/{address}/physfn")


def _read_gpu(host: HostPath, address: str) -> PciGpu:
    numa_node = _read_number(host, address, "numa_node", 10)
    device_id = _read_number(host, address, "device", 16)
    return PciGpu(
        address,
        host.read_link_name(f"{PCI_DEVICES}/{address}/driver"),
        # -1: unknown to the kernel.
        numa_node if numa_node is not None and numa_node >= 0 else None,
        "" if device_id is None else f"{device_id:04x}",
    )


def _read_number(host: HostPath, address: str, name: str, base: int) -> int | None:
    """Return a number from a device's file, None if the file or the device is gone."""
    try:
        return int(host.read_text(f"{PCI_DEVICES}/{address}/{name}"), base)
    except (Absent, ValueError):
        return None
