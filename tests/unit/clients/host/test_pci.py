"""NVIDIA GPUs of a PCI bus, from trees that look like sysfs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.clients.host.pci import PciGpu, parse_address, read_pci_gpus
from kubectl_snapshot.errors import InvalidRequest, Unavailable
from tests.unit.gpus import add_pci_device

GPU, OTHER = "0000:1b:00.0", "0000:2b:00.0"


def test_gpus_are_told_in_the_order_of_the_bus_with_driver_and_node(tmp_path: Path) -> None:
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


def test_a_numa_node_that_the_kernel_does_not_know_is_not_told(tmp_path: Path) -> None:
    add_pci_device(tmp_path, GPU)
    (tmp_path / "sys/bus/pci/devices" / GPU / "numa_node").write_text("-1\n")
    assert read_pci_gpus(HostPath(str(tmp_path))) == (PciGpu(GPU),)


def test_a_device_that_vanishes_while_it_is_read_is_left_out(tmp_path: Path) -> None:
    add_pci_device(tmp_path, GPU)
    add_pci_device(tmp_path, OTHER)
    shutil.rmtree(tmp_path / "sys/devices/pci0000:00" / GPU)
    assert [gpu.address for gpu in read_pci_gpus(HostPath(str(tmp_path)))] == [OTHER]


def test_a_machine_without_a_pci_bus_has_no_gpu_on_it(tmp_path: Path) -> None:
    (tmp_path / "sys/kernel").mkdir(parents=True)
    assert read_pci_gpus(HostPath(str(tmp_path))) == ()


@pytest.mark.parametrize("root", ["", None])
def test_a_bus_that_cannot_be_seen_is_not_an_empty_one(tmp_path: Path, root: str | None) -> None:
    seen_at = None if root is None else str(tmp_path)
    with pytest.raises(Unavailable):
        read_pci_gpus(HostPath(seen_at))


def test_an_address_of_nvml_is_written_as_the_kernel_writes_it() -> None:
    assert parse_address("00000000:1B:00.0") == GPU
    assert parse_address("0008:06:00.0") == "0008:06:00.0"
    assert parse_address("00010000:AF:00.0") == "10000:af:00.0"
    with pytest.raises(InvalidRequest, match="'bus 5' is no PCI address"):
        parse_address("bus 5")
