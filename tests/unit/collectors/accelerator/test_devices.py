"""Accelerators by trees of sysfs in the form that each vendor's documentation shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.accelerator import collector
from kubectl_snapshot.collectors.accelerator.devices import VENDORS
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype
from tests.unit.hosts import write_files

DISPLAY, PROCESSING, BRIDGE = "0x038000", "0x120000", "0x060400"


def add(root: Path, address: str, vendor: str, device: str, kind: str, **files: str) -> Path:
    """Add a PCI device; `driver` is a link, as in sysfs."""
    directory = root / "sys/bus/pci/devices" / address
    driver = files.pop("driver", "")
    write_files(directory, {"vendor": vendor, "device": device, "class": kind, **files})
    if driver:
        (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (directory / "driver").symlink_to(f"../../drivers/{driver}")
    return directory


def collect(root: Path) -> dict[str, Subtype]:
    return {s.name: s for s in collector.collect(Context(HostPath(str(root))))}


def test_a_device_that_is_removed_meanwhile_is_none(tmp_path: Path) -> None:
    add(tmp_path, "0000:01:00.0", "0x1002", "0x74a1", PROCESSING)
    (tmp_path / "sys/bus/pci/devices/0000:02:00.0").symlink_to("/sys/devices/gone")
    assert collect(tmp_path)["summary"].data == {"count": 1, "amd": 1}


def test_amd_gpus_have_driver_firmware_and_partitions(tmp_path: Path) -> None:
    for n, mode in enumerate(("SPX", "CPX")):
        directory = add(
            tmp_path,
            f"0000:0{n}:00.0",
            "0x1002",
            "0x74a1",
            PROCESSING,
            driver="amdgpu",
            numa_node=str(n),
            current_compute_partition=mode,
            vbios_version="113-M3000100-102",
        )
        write_files(directory / "fw_version", {"mec_fw_version": "0x000000a8"})
    write_files(tmp_path / "sys/module/amdgpu", {"version": "6.12.12"})
    found = collect(tmp_path)
    assert found["summary"] == Subtype("summary", {"count": 2, "amd": 2})
    assert found["amd"] == Subtype(
        "amd",
        {
            "count": 2,
            "model.74a1": 2,
            "driver": "amdgpu",
            "driver-version": "6.12.12",
            "numa-node": "0,1",
            "pci-address": "0000:00:00.0,0000:01:00.0",
            "compute-partition": "CPX,SPX",
            "vbios-version": "113-M3000100-102",
            "firmware.mec": "0x000000a8",
        },
    )
    assert set(found) == {"summary", "amd"}


def test_neuron_devices_have_their_product_and_cores(tmp_path: Path) -> None:
    add(tmp_path, "0000:00:1e.0", "0x1d0f", "0x7364", "0x088000", driver="neuron", numa_node="-1")
    add(tmp_path, "0000:00:1f.0", "0x1d0f", "0x9999", "0x088000", driver="neuron")
    add(tmp_path, "0000:00:05.0", "0x1d0f", "0xec20", "0x020000", driver="ena")
    write_files(
        tmp_path / "sys/devices/virtual/neuron_device/neuron0",
        {"core_count": "8", "info/architecture/device_name": "Trainium2"},
    )
    found = collect(tmp_path)
    assert found["summary"].data == {"count": 2, "neuron": 2}
    assert found["neuron"].data == {
        "count": 2,
        "model.7364": 1,
        "model.9999": 1,
        "driver": "neuron",
        "pci-address": "0000:00:1e.0,0000:00:1f.0",
        "core-count": 8,
        "product": "Trainium2",
    }


@pytest.mark.parametrize("place", ["habanalabs/hl0", "accel/accel0/device"])
def test_gaudi_has_its_firmware_in_either_class(place: str, tmp_path: Path) -> None:
    add(tmp_path, "0000:19:00.0", "0x1da3", "0x1020", PROCESSING, driver="habanalabs")
    files = {"device_type": "GAUDI2", "cpld_ver": "0x10", "fw_os_ver": "", "preboot_btl_ver": "1.2"}
    write_files(tmp_path / "sys/class" / place, files)
    assert collect(tmp_path)["habana"].data == {
        "count": 1,
        "model.1020": 1,
        "driver": "habanalabs",
        "pci-address": "0000:19:00.0",
        "product": "GAUDI2",
        "firmware.cpld": "0x10",
        "firmware.preboot-btl": "1.2",
    }


def test_several_vendors_and_models_are_counted_apart(tmp_path: Path) -> None:
    add(tmp_path, "0000:01:00.0", "0x8086", "0x0bd5", DISPLAY)
    add(tmp_path, "0000:02:00.0", "0x8086", "0x0bda", DISPLAY, lb_fan_control_version="3.2")
    add(tmp_path, "0000:03:00.0", "0x8086", "0x0bda", "0x030000")
    add(tmp_path, "0000:04:00.0", "0x8086", "0x1533", "0x020000")
    add(tmp_path, "0000:05:00.0", "0x1ae0", "0x0063", PROCESSING)
    add(tmp_path, "0000:06:00.0", "0x1ac1", "0x089a", "0x0880ff")
    add(tmp_path, "0000:07:00.0", "0x1ae0", "0x001f", "0x010802")
    found = collect(tmp_path)
    assert found["summary"].data == {"count": 5, "intel": 3, "tpu": 2}
    intel = found["intel"].data
    assert (intel["count"], intel["model.0bd5"], intel["model.0bda"]) == (3, 1, 2)
    assert intel["firmware.fan-control"] == "3.2"
    assert "driver" not in intel
    assert found["tpu"].data["count"] == 2


def test_nvidias_gpus_bridges_and_virtual_functions_are_not_counted(tmp_path: Path) -> None:
    add(tmp_path, "0000:01:00.0", "0x10de", "0x2330", DISPLAY)
    add(tmp_path, "0000:02:00.0", "0x1002", "0x14db", BRIDGE)
    function = add(tmp_path, "0000:03:00.1", "0x1002", "0x74b5", PROCESSING)
    (function / "physfn").symlink_to("../0000:03:00.0")
    (found,) = collect(tmp_path).values()
    assert (found.data, found.status) == ({"count": 0}, "absent")


def test_without_a_bus_none_are_counted_and_without_sysfs_nothing_is_known(tmp_path: Path) -> None:
    write_files(tmp_path, {"sys/kernel/x": "1", "etc/os-release": "ID=x"})
    assert collect(tmp_path)["summary"].status == "absent"
    found = {s.name: s for s in collector.collect(Context(HostPath(None)))}
    assert (found["summary"].data, found["summary"].status) == ({}, "unavailable")


def test_each_vendor_is_declared() -> None:
    assert {name for name, _ in VENDORS.values()} == set(collector.TITLES)
    declared = [spec.name for spec in collector.SUBTYPES]
    assert declared == ["summary", *collector.TITLES]
    assert collector.choose_subtypes(Context(HostPath(None))) == ("summary",)
