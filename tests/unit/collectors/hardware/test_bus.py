"""PCIe links, errors and NVMe disks of a small sysfs, as the kernel lays it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.hardware.bus import find_kind, parse_total, read_bus, read_nvme
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Unavailable
from tests.unit.hosts import write_files

ROOT_PORT = "pci0000:15/0000:15:01.0"
UPSTREAM = f"{ROOT_PORT}/0000:16:00.0"
GPU = f"{UPSTREAM}/0000:17:00.0/0000:18:00.0"
NIC = f"{UPSTREAM}/0000:17:01.0/0000:19:00.0"
FULL = {"max_link_width": "16", "current_link_width": "16", "max_link_speed": "32.0 GT/s PCIe"}


class Bus:
    """A node's PCI bus that grows by what it is given."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys/bus/pci/devices").mkdir(parents=True)

    def add(self, path: str, class_code: str, vendor: str = "0x15b3", **files: str) -> Path:
        texts = {"class": class_code, "vendor": vendor, **files}
        device = write_files(self.root / "sys/devices" / path, texts)
        link = self.root / "sys/bus/pci/devices" / device.name
        link.symlink_to(f"/sys/devices/{path}")
        return device

    def add_class(self, kind: str, device: Path, name: str, **files: str) -> None:
        place = write_files(device / kind / name, files)
        link = self.root / "sys/class" / kind / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/{place.relative_to(self.root)}")

    def read(self) -> tuple[Subtype, Subtype]:
        links, errors = read_bus(HostPath(str(self.root)))
        return links, errors


@pytest.fixture
def bus(tmp_path: Path) -> Bus:
    return Bus(tmp_path)


@pytest.fixture
def switch(bus: Bus) -> Bus:
    """A switch below a root port, with a GPU and a card whose slot has eight lanes."""
    bus.add(ROOT_PORT, "0x060400", **FULL)
    bus.add(UPSTREAM, "0x060400", **{**FULL, "current_link_width": "8"})
    bus.add(f"{UPSTREAM}/0000:17:00.0", "0x060400", **FULL)
    bus.add(f"{UPSTREAM}/0000:17:01.0", "0x060400", max_link_width="8", current_link_width="4")
    bus.add(GPU, "0x030200", "0x10de", **FULL, current_link_speed="2.5 GT/s PCIe")
    bus.add(NIC, "0x020700", max_link_width="16", current_link_width="4")
    return bus


def test_links_of_devices_and_of_the_bridges_above_them(switch: Bus) -> None:
    write_files(switch.root / "sys/kernel/iommu_groups/7", {"type": "identity"})
    (switch.root / "sys/devices" / GPU / "iommu_group").symlink_to("/sys/kernel/iommu_groups/7")
    switch.add("pci0000:15/0000:15:02.0", "0x060400", **FULL)  # no such device is below it
    links, _ = switch.read()
    full = {"max-width": 16, "current-width": 16, "max-speed": "32.0 GT/s PCIe"}
    expected = {
        "bridge.0000:15:01.0": full,
        "bridge.0000:16:00.0": {**full, "current-width": 8, "missing-lanes": 8},
        "gpu-port.0000:17:00.0": {**full, "missing-lanes": 0},
        "bridge.0000:17:01.0": {"max-width": 8, "current-width": 4, "missing-lanes": 4},
        "gpu.0000:18:00.0": {
            **full,
            "missing-lanes": 0,
            "current-speed": "2.5 GT/s PCIe",
            "iommu-domain": "identity",
        },
        "nic.0000:19:00.0": {"max-width": 16, "current-width": 4, "missing-lanes": 4},
    }
    assert links.context == {}
    assert links.data == {
        f"{k}.{key}": v for k, link in expected.items() for key, v in link.items()
    }


def test_a_port_above_a_gpu_is_one_whatever_else_is_below_it(switch: Bus) -> None:
    # A network card at a lower and one at a higher address, below the GPU's own port.
    for number in (1, 0):
        switch.add(f"{UPSTREAM}/0000:17:00.0/0000:1{7 + number * 2}:00.1", "0x020000", **FULL)
    kinds = {key.split(".")[1] + key.split(".")[0] for key in switch.read()[0].data}
    assert "0000:17:00" + "gpu-port" in kinds
    assert "0000:17:00" + "bridge" not in kinds


def test_a_device_of_a_virtual_machine_has_no_bridge_and_maybe_no_link(bus: Bus) -> None:
    bus.add("pci0000:00/0000:00:03.0", "0x020000", "0x1af4")
    links, errors = bus.read()
    assert (links.status, errors.status) == ("absent", "absent")
    assert "has a PCIe link" in links.context["reason"]
    bus.add("pci0001:00/0001:00:00.0", "0x030200", "0x10de", **FULL)
    data = bus.read()[0].data
    assert data["gpu.0001:00:00.0.current-width"] == 16
    assert not any(key.endswith("missing-lanes") for key in data)


def test_virtual_functions_and_other_devices_have_no_readings(bus: Bus) -> None:
    function = bus.add("pci0000:00/0000:00:03.1", "0x020000", **FULL)
    (function / "physfn").symlink_to("../0000:00:03.0")
    bus.add("pci0000:00/0000:00:04.0", "0x0c0330", **FULL)
    bus.add("pci0000:00/0000:00:05.0", "0x030000", "0x1a03", **FULL)
    links, _ = bus.read()
    assert (links.data, links.status) == ({}, "absent")
    assert "is on the node's PCI bus" in links.context["reason"]


def test_without_a_pci_bus_nothing_is_on_it(tmp_path: Path) -> None:
    (tmp_path / "sys/bus").mkdir(parents=True)
    links, errors = read_bus(HostPath(str(tmp_path)))
    assert (links.status, errors.status) == ("absent", "absent")
    (tmp_path / "sys/bus").rmdir()
    assert [s.status for s in read_bus(HostPath(str(tmp_path)))] == ["unavailable"] * 2
    assert [s.status for s in read_bus(HostPath(None))] == ["unavailable"] * 2


def test_a_bus_that_cannot_be_searched_is_not_without_devices(switch: Bus) -> None:
    device = switch.root / "sys/devices" / GPU
    (device / "class").unlink()
    (device / "class").mkdir()
    for found in switch.read():
        assert (found.data, found.status) == ({}, "error")
        assert "0000:18:00.0/class of the node is not a regular file" in found.context["reason"]


def test_a_device_that_is_removed_meanwhile_costs_no_other(switch: Bus) -> None:
    (switch.root / "sys/bus/pci/devices/0000:00:01.0").symlink_to("/sys/devices/gone")
    links, _ = switch.read()
    assert "gpu.0000:18:00.0.max-width" in links.data


def test_errors_of_devices_that_had_any(switch: Bus) -> None:
    quiet = {
        "aer_dev_correctable": "RxErr 0\nTOTAL_ERR_COR 0",
        "aer_dev_fatal": "TOTAL_ERR_FATAL 0",
    }
    write_files(switch.root / "sys/devices" / GPU, quiet)
    broken = {
        "aer_dev_correctable": "RxErr 2\nBadTLP 3\nTOTAL_ERR_COR 5",
        "aer_dev_nonfatal": "TOTAL_ERR_NONFATAL 1",
        "aer_dev_fatal": "Undefined 0\nTOTAL_ERR_FATAL 2",
    }
    write_files(switch.root / "sys/devices" / ROOT_PORT, broken)
    _, errors = switch.read()
    assert errors == Subtype(
        "pcie-errors",
        {
            "reporting-devices": 2,
            "0000:15:01.0.correctable": 5,
            "0000:15:01.0.nonfatal": 1,
            "0000:15:01.0.fatal": 2,
        },
    )


def test_a_total_is_the_number_of_its_line() -> None:
    assert parse_total("RxErr 9\nTOTAL_ERR_COR 7\nX 8") == 7
    assert [parse_total(text) for text in ("", "RxErr 9", "TOTAL_ERR_COR", "TOTAL_ERR_COR x")] == (
        [None] * 4
    )


@pytest.mark.parametrize(
    ("class_code", "vendor", "kind"),
    [
        ("0x030200", "0x10de", "gpu"),
        ("0x030000", "0x1002", "gpu"),
        ("0x030000", "0x1a03", ""),
        ("0x038000", "0x1002", "gpu"),
        ("0x120000", "0x1da3", "gpu"),
        ("0x020000", "0x8086", "nic"),
        ("0x020700", "0x15b3", "nic"),
        ("0x010802", "0x144d", "nvme"),
        ("0x010601", "0x8086", ""),
        ("0x060400", "0x10de", ""),
        ("", "", ""),
    ],
)
def test_the_kind_of_a_device_by_its_class(class_code: str, vendor: str, kind: str) -> None:
    assert find_kind(class_code, vendor) == kind


def test_nvme_disks_by_address_or_by_name(bus: Bus) -> None:
    disk = bus.add("pci0000:00/0000:00:1d.0", "0x010802")
    files = {
        "model": "SAMSUNG MZWLO3T8",
        "firmware_rev": "OPPA3B5Q",
        "state": "live",
        "serial": "S7",
    }
    bus.add_class("nvme", disk, "nvme0", **files, transport="pcie", numa_node="-1")
    fabric = write_files(bus.root / "sys/devices/virtual", {"x": ""})
    bus.add_class("nvme", fabric, "nvme1", transport="rdma", state="connecting", numa_node="1")
    address = "0000:00:1d.0"
    assert read_nvme(HostPath(str(bus.root))).data == {
        f"{address}.model": "SAMSUNG MZWLO3T8",
        f"{address}.firmware": "OPPA3B5Q",
        f"{address}.serial": "S7",
        f"{address}.state": "live",
        f"{address}.transport": "pcie",
        "nvme1.transport": "rdma",
        "nvme1.state": "connecting",
        "nvme1.numa-node": 1,
    }


def test_a_node_without_nvme_has_none_and_one_that_is_not_visible_is_unknown(bus: Bus) -> None:
    (bus.root / "sys/class").mkdir()
    with pytest.raises(Absent, match="no NVMe disk"):
        read_nvme(HostPath(str(bus.root)))
    with pytest.raises(Unavailable):
        read_nvme(HostPath(None))
