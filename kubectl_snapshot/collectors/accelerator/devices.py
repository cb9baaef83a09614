"""Find accelerators on the PCI bus and read what sysfs has of their drivers.

Sources: the PCI ID Repository; AWS Neuron's operator (NodeFeatureRule) and documentation; jax
(hardware_utils.py) for TPUs; the kernel's Documentation/gpu/amdgpu and Documentation/ABI/testing,
sysfs-driver-habanalabs and sysfs-driver-intel-xe-hwmon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.pci import PCI_DEVICES
from kubectl_snapshot.collectors.run.context import read_subtype
from kubectl_snapshot.collectors.sysfs import UNKNOWN, read_names, to_scalar
from kubectl_snapshot.document.snapshot import ABSENT, Subtype
from kubectl_snapshot.errors import Absent
from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Scalar

# PCI base classes: display controller, processing accelerator.
CLASSES = ("03", "12")
# Vendors by subtype; a device is one of these ids, or without ids of one of the CLASSES.
VENDORS: Mapping[str, tuple[str, str]] = {
    "1002": ("amd", ""),
    "8086": ("intel", ""),
    "1d0f": ("neuron", "7064 7065 7066 7067 7164 7264 7364"),
    "1ae0": ("tpu", "0027 0056 005e 0062 0063 006f 0076 007c 0083"),
    "1ac1": ("tpu", "089a"),
    "1da3": ("habana", ""),
}
FILES = {
    "product_name": "product",
    "vbios_version": "vbios-version",
    "current_compute_partition": "compute-partition",
    "current_memory_partition": "memory-partition",
    "lb_fan_control_version": "firmware.fan-control",
    "lb_voltage_regulator_version": "firmware.voltage-regulator",
}
AMD_FIRMWARE, SUFFIX = "fw_version", "_fw_version"
# A chip that is newer than the ids above has it, too.
NEURON_DRIVER = "neuron"
NEURON = "/sys/devices/virtual/neuron_device"
NEURON_FILES = {
    "core_count": "core-count",
    "info/architecture/device_name": "product",
    "info/architecture/instance_type": "instance-type",
}
# Gaudi's driver has one class up to Linux 6.2, and devices below `accel` since.
HABANA = (("/sys/class/habanalabs", ""), ("/sys/class/accel", "/device"))
HABANA_FILES = {
    "device_type": "product",
    **{
        f"{name}_ver": f"firmware.{name.replace('_', '-')}"
        for name in (
            *("armcp", "cpucp", "cpld", "fuse", "fw_os", "infineon", "preboot_btl", "thermal"),
            *("uboot", "vrm", "armcp_kernel", "cpucp_kernel"),
        )
    },
}


class Device(NamedTuple):
    """One accelerator: its vendor's subtype, and readings by key."""

    vendor: str
    model: str
    readings: Mapping[str, str]


def read_accelerators(host: HostPath) -> Iterator[Subtype]:
    """Yield the counts, then the devices of each vendor summed up."""
    found: list[Device] = []

    def read_summary() -> Subtype:
        found.extend(_find(host))
        counts: dict[str, Scalar] = {"count": len(found)}
        for device in found:
            counts[device.vendor] = sum(other.vendor == device.vendor for other in found)
        if found:
            return Subtype("summary", counts)
        reason = "the PCI bus has no accelerator of another vendor than NVIDIA"
        return Subtype("summary", counts, {"status": ABSENT, "reason": reason})

    yield read_subtype("summary", read_summary)
    for vendor in dict.fromkeys(device.vendor for device in found):
        own = [device for device in found if device.vendor == vendor]
        yield read_subtype(vendor, lambda vendor=vendor, own=own: _sum_up(host, vendor, own))  # type: ignore[misc]


def _find(host: HostPath) -> Iterator[Device]:
    for address in read_names(host, PCI_DEVICES):
        directory = f"{PCI_DEVICES}/{address}"
        vendor_id = _read(host, directory, "vendor").removeprefix("0x")
        if vendor_id not in VENDORS or host.read_link_name(f"{directory}/physfn"):
            continue
        vendor, ids = VENDORS[vendor_id]
        model = _read(host, directory, "device").removeprefix("0x")
        kind = _read(host, directory, "class").removeprefix("0x")[:2]
        is_known = model in ids.split() if ids else kind in CLASSES
        if is_known or host.read_link_name(f"{directory}/driver") == NEURON_DRIVER:
            yield Device(vendor, model, _read_device(host, directory, address))


def _read_device(host: HostPath, directory: str, address: str) -> dict[str, str]:
    driver = host.read_link_name(f"{directory}/driver")
    texts = host.read_values(directory, (*FILES, "numa_node"))
    firmware = f"{directory}/{AMD_FIRMWARE}"
    names = read_names(host, firmware)
    units = host.read_values(firmware, names) if names else {}
    return {
        "pci-address": address,
        "driver": driver,
        "driver-version": _read(host, f"/sys/module/{driver}", "version") if driver else "",
        "numa-node": texts.get("numa_node", ""),
        **{key: texts.get(name, "") for name, key in FILES.items()},
        **{f"firmware.{name.removesuffix(SUFFIX)}": text for name, text in units.items()},
    }


def _sum_up(host: HostPath, vendor: str, devices: list[Device]) -> Subtype:
    """Return the values of a vendor's devices: one where they agree, else all of them."""
    values: dict[str, set[str]] = {}
    readings = [device.readings for device in devices]
    for more in (*readings, *_read_class(host, vendor)):
        for key, text in more.items():
            if text not in UNKNOWN:
                values.setdefault(key, set()).add(text)
    data: dict[str, Scalar] = {"count": len(devices)}
    for device in devices:
        name = f"model.{device.model}"
        data[name] = sum(other.model == device.model for other in devices)
    data.update({key: to_scalar(",".join(sorted(found))) for key, found in values.items()})
    return Subtype(vendor, data)


def _read_class(host: HostPath, vendor: str) -> Iterator[dict[str, str]]:
    """Yield what a vendor's driver has of each device outside of the PCI device's directory."""
    places = {
        "neuron": [(NEURON, "", NEURON_FILES)],
        "habana": [(directory, below, HABANA_FILES) for directory, below in HABANA],
    }
    for directory, below, files in places.get(vendor, ()):
        for name in read_names(host, directory):
            texts = host.read_values(f"{directory}/{name}{below}", files)
            yield {key: texts[file] for file, key in files.items() if file in texts}


def _read(host: HostPath, directory: str, name: str) -> str:
    try:
        return host.read_values(directory, (name,)).get(name, "")
    except Absent:  # the device or the module is gone
        return ""
