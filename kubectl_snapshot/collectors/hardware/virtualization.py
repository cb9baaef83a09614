"""Decide as systemd-detect-virt(1) whether the node is a virtual machine or a container.

Source: src/basic/virt.c of systemd 257. It asks the processor with an instruction; here the clocks
that a hypervisor offers to its guests tell which one it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.host.hostpath import HostPath

NONE, OTHER_VM, OTHER_CONTAINER = "none", "vm-other", "container-other"
DMI, HYPERVISOR = "/sys/class/dmi/id", "/sys/hypervisor"
CLOCKS = "/sys/devices/system/clocksource/clocksource0"
DMI_FILES = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")
# In systemd's order; a field that begins so.
DMI_VENDORS = {
    "KVM": "kvm",
    "OpenStack": "kvm",
    "KubeVirt": "kvm",
    "Amazon EC2": "amazon",
    "QEMU": "qemu",
    "VMware": "vmware",
    "VMW": "vmware",
    "innotek GmbH": "oracle",
    "VirtualBox": "oracle",
    "Oracle Corporation": "oracle",
    "Xen": "xen",
    "Bochs": "bochs",
    "Parallels": "parallels",
    "BHYVE": "bhyve",
    "Hyper-V": "microsoft",
    "Apple Virtualization": "apple",
    "Google Compute Engine": "google",
}
# Their DMI decides, whatever the processor says.
DMI_DECIDES = ("oracle", "xen", "amazon", "parallels", "google")
GUEST_CLOCKS = {"kvm-clock": "kvm", "hyperv_clocksource": "microsoft", "xen": "xen"}
# Files that a container's manager leaves in its root.
MARKS = {"/run": ((".containerenv", "podman"),), "/": ((".dockerenv", "docker"),)}
CONTAINERS = frozenset(
    ("openvz", "lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "wsl", "proot")
)


def read_virtualization(host: HostPath) -> Subtype:
    """Return `vm` and `container`, `none` where the node is not one.

    Raises Unavailable where only the pod's own files are visible.
    """
    host.with_root("/")
    texts = _read_texts(host, "/proc", ("cpuinfo",))
    flags = texts.get("cpuinfo", "").split("\n\n", 1)[0]
    vm = detect_vm(
        _read_texts(host, DMI, DMI_FILES),
        _read_texts(host, HYPERVISOR, ("type",)).get("type", ""),
        _read_texts(host, f"{HYPERVISOR}/properties", ("features",)).get("features", ""),
        _read_texts(host, CLOCKS, ("available_clocksource",)).get("available_clocksource", ""),
        " hypervisor" in flags,
    )
    return Subtype("virtualization", {"container": _read_container(host), "vm": vm})


def detect_vm(
    dmi: Mapping[str, str], hypervisor: str, features: str, clocks: str, has_flag: bool
) -> str:
    """Return the kind of virtual machine; `has_flag` is the processor's flag `hypervisor`."""
    vendor = _find_vendor(dmi)
    if vendor == "amazon" and dmi.get("product_name", "").endswith(".metal"):
        return NONE
    if vendor in DMI_DECIDES:
        return vendor
    if hypervisor == "xen":
        return NONE if _is_dom0(features) else "xen"
    guest = next((kind for name, kind in GUEST_CLOCKS.items() if name in clocks), "")
    if has_flag or guest:
        return guest or vendor or OTHER_VM
    return vendor or NONE


def _find_vendor(dmi: Mapping[str, str]) -> str:
    for name in DMI_FILES:
        for start, kind in DMI_VENDORS.items():
            if dmi.get(name, "").startswith(start):
                return kind
    return ""


def _is_dom0(features: str) -> bool:
    """Return whether the mask of /sys/hypervisor/properties/features has XENFEAT_dom0 (bit 11)."""
    try:
        return bool(int(features, 16) >> 11 & 1)
    except ValueError:
        return False


def _read_container(host: HostPath) -> str:
    for directory, name in (("/run/host", "container-manager"), ("/run/systemd", "container")):
        text = _read_texts(host, directory, (name,)).get(name, "")
        if text and text != "oci":
            return text if text in CONTAINERS else OTHER_CONTAINER
    for directory, marks in MARKS.items():
        for name, kind in marks:
            if name in _read_texts(host, directory, (name,)):
                return kind
    return NONE


def _read_texts(host: HostPath, directory: str, names: tuple[str, ...]) -> dict[str, str]:
    try:
        return host.read_values(directory, names)
    except Absent:
        return {}
