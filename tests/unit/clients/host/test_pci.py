"""NVIDIA GPUs on the PCI bus of host trees that look like sysfs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.clients.host.pci import PciGpu, parse_address, read_pci_gpus
from kubectl_snapshot.errors import InvalidRequest, Unavailable
from tests.unit.gpus import add_pci_device, add_virtual_function

GPU, OTHER = "0000:1b:00.0", "0000:2b:00.0"


def test_gpus_are_sorted_by_address_with_driver_and_numa_node(tmp_path: Path) -> None:
    add_pci_device(tmp_path, OTHER, driver="vfio-pci")
    add_pci_device(tmp_path, GPU, driver="nvidia")
    expected = (PciGpu(GPU, "nvidia", 1), PciGpu(OTHER, "vfio-pci", 1))
    assert read_pci_gpus(HostPath(str(tmp_path))) == expected


def test_a_display_controller_of_nvidia_is_a_gpu(tmp_path: Path) -> None:
    add_pci_device(tmp_path, GPU, class_code="0x030000")
    assert read_pci_gpus(HostPath(str(tmp_path))) == (PciGpu(GPU, "", 1),)


@pytest.mark.parametrize(
    ("class_code", "vendor"),
    [("0x068000", "0x10de"), ("0x040300", "0x10de"), ("0x030000", "0x1a03")],
    ids=["an NVSwitch", "its audio function", "a display of another vendor"],
)
def test_other_devices_are_no_gpus(tmp_path: Path, class_code: str, vendor: str) -> None:
    add_pci_device(tmp_path, GPU, class_code, vendor)
    assert read_pci_gpus(HostPath(str(tmp_path))) == ()


@pytest.mark.parametrize("driver", ["nvidia", "vfio-pci", ""])
def test_virtual_functions_are_parts_of_their_gpu(tmp_path: Path, driver: str) -> None:
    add_pci_device(tmp_path, GPU, driver="nvidia")
    for function in range(4, 8):
        add_virtual_function(tmp_path, f"0000:1b:00.{function}", GPU, driver)
    assert read_pci_gpus(HostPath(str(tmp_path))) == (PciGpu(GPU, "nvidia", 1),)


@pytest.mark.parametrize(("text", "numa_node"), [("0", 0), ("10", 10)])
def test_numa_nodes_are_decimal_and_start_at_zero(
    tmp_path: Path, text: str, numa_node: int
) -> None:
    add_pci_device(tmp_path, GPU)
    (tmp_path / "sys/bus/pci/devices" / GPU / "numa_node").write_text(f"{text}\n")
    assert read_pci_gpus(HostPath(str(tmp_path))) == (PciGpu(GPU, "", numa_node),)


def test_an_unknown_numa_node_is_none(tmp_path: Path) -> None:
    add_pci_device(tmp_path, GPU)
    (tmp_path / "sys/bus/pci/devices" / GPU / "numa_node").write_text("-1\n")
    assert read_pci_gpus(HostPath(str(tmp_path))) == (PciGpu(GPU),)


def test_a_device_without_a_numa_node_has_none(tmp_path: Path) -> None:
    add_pci_device(tmp_path, GPU)
    (tmp_path / "sys/bus/pci/devices" / GPU / "numa_node").unlink()
    assert read_pci_gpus(HostPath(str(tmp_path))) == (PciGpu(GPU),)


def test_a_device_that_vanishes_while_it_is_read_is_left_out(tmp_path: Path) -> None:
    add_pci_device(tmp_path, GPU)
    add_pci_device(tmp_path, OTHER)
    shutil.rmtree(tmp_path / "sys/devices/pci0000:00" / GPU)
    assert [gpu.address for gpu in read_pci_gpus(HostPath(str(tmp_path)))] == [OTHER]


@pytest.mark.parametrize("name", ["vendor", "class"])
@pytest.mark.parametrize("text", ["", "ffff:", None])
def test_a_device_without_vendor_or_class_is_left_out(
    tmp_path: Path, name: str, text: str | None
) -> None:
    add_pci_device(tmp_path, GPU)
    file = tmp_path / "sys/bus/pci/devices" / GPU / name
    file.unlink() if text is None else file.write_text(text)
    assert read_pci_gpus(HostPath(str(tmp_path))) == ()


def test_a_machine_without_a_pci_bus_has_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "sys/kernel").mkdir(parents=True)
    assert read_pci_gpus(HostPath(str(tmp_path))) == ()


@pytest.mark.parametrize("root", ["", None])
def test_an_invisible_bus_is_not_an_empty_one(tmp_path: Path, root: str | None) -> None:
    seen_at = None if root is None else str(tmp_path)
    with pytest.raises(Unavailable):
        read_pci_gpus(HostPath(seen_at))


def test_an_address_of_nvml_gets_the_kernels_format() -> None:
    assert parse_address("00000000:1B:00.0") == GPU
    assert parse_address("0008:06:00.0") == "0008:06:00.0"
    assert parse_address("00010000:AF:00.0") == "10000:af:00.0"
    with pytest.raises(InvalidRequest, match='invalid PCI address "bus 5"'):
        parse_address("bus 5")
