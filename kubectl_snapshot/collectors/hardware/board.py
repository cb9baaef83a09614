"""Read board, firmware, identity and IOMMU of the node.

Sources: Documentation/ABI/testing/sysfs-devices-platform-ipmi, sysfs-class-iommu;
drivers/firmware/dmi-id.c; machine-id(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.sysfs import parse_values, read_keys, read_names, read_parts
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.sysfs import Data

DMI = "/sys/class/dmi/id"
BOARD_FILES = {
    "sys_vendor": "system.vendor",
    "product_name": "system.product",
    "product_version": "system.version",
    "product_family": "system.family",
    "product_sku": "system.sku",
    "board_vendor": "board.vendor",
    "board_name": "board.name",
    "board_version": "board.version",
    "bios_vendor": "bios.vendor",
    "bios_version": "bios.version",
    "bios_date": "bios.date",
    "bios_release": "bios.release",
    "ec_firmware_release": "bmc.release",
}
PLATFORM, BMC = "/sys/devices/platform", "ipmi_bmc"
BMC_FILES = {
    "firmware_revision": "bmc.firmware",
    "aux_firmware_revision": "bmc.firmware-aux",
    "ipmi_version": "bmc.ipmi-version",
    "manufacturer_id": "bmc.manufacturer-id",
    "product_id": "bmc.product-id",
}
DEVICE_TREE = "/sys/firmware/devicetree/base"
IOMMUS, IOMMU_GROUPS = "/sys/class/iommu", "/sys/kernel/iommu_groups"


def read_board(host: HostPath) -> Subtype:
    """Return board, BIOS and BMC with their versions, without serial numbers."""
    return read_parts(
        "board",
        lambda: read_keys(host, DMI, BOARD_FILES),
        lambda: {
            key: value
            for name in read_names(host, PLATFORM, BMC)
            for key, value in read_keys(host, f"{PLATFORM}/{name}", BMC_FILES).items()
        },
        lambda: {
            key: str(text).rstrip("\0")
            for key, text in read_keys(host, DEVICE_TREE, {"model": "system.model"}).items()
        },
    )


def read_identity(host: HostPath) -> Subtype:
    """Return the ids of the installation, of this boot and of the machine."""
    return read_parts(
        "identity",
        lambda: read_keys(host, "/proc/sys/kernel/random", {"boot_id": "boot-id"}),
        # A link, where /etc is not to be written to.
        lambda: parse_values({"": host.read_text("/etc/machine-id").strip()}, {"": "machine-id"}),
        lambda: read_keys(host, DMI, {"product_uuid": "product-uuid"}),
    )


def read_iommu(host: HostPath) -> Subtype:
    """Return whether devices are behind an IOMMU, and in how many groups.

    Raises Absent if the kernel has no support for any.
    """
    try:
        groups = len(host.read_names(IOMMU_GROUPS))
    except Absent as error:
        raise Absent("this kernel has no IOMMU groups", why=error.what) from error
    units = read_names(host, IOMMUS)
    data: Data = {"enabled": groups > 0, "groups": groups, "units": len(units)}
    return Subtype("iommu", data)
