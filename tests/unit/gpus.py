"""GPUs for tests: build and configure the lab's fake driver, add PCI devices to host trees."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "lab" / "src"
LIBRARY = "libnvidia-ml.so.1"
KERNEL_MODULE_VERSION = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\n"
)


def build_driver(directory: Path) -> Path:
    """Return the fake driver's library and nvidia-smi, built into a directory."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("building the fake driver needs a C compiler")
    shared = ("-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}")
    build = ((LIBRARY, "fake-nvml.c", shared), ("nvidia-smi", "nvidia-smi.c", ()))
    for name, source, flags in build:
        command = [compiler, "-O1", *flags, "-o", directory / name, SOURCES / source, "-ldl"]
        subprocess.run(command, check=True)
    return directory


def configure(library: Path, **settings: object) -> None:
    """Write the fake driver's settings; `__` stands for a dot: gpu__1__fault."""
    named = {"device_node": 0, "gpus": 2, **settings}
    lines = [f"{key.replace('__', '.')} = {value}\n" for key, value in named.items()]
    (library.parent / "fake-nvml.conf").write_text("".join(lines))


def add_pci_device(
    root: Path, address: str, class_code: str = "0x030200", vendor: str = "0x10de", driver: str = ""
) -> None:
    """Add a device to the PCI bus of a host tree: as in sysfs, a link to a directory."""
    device = root / "sys/devices/pci0000:00" / address
    device.mkdir(parents=True)
    (device / "class").write_text(f"{class_code}\n")
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "numa_node").write_text("1\n")
    if driver:
        (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (device / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")
    devices = root / "sys/bus/pci/devices"
    devices.mkdir(parents=True, exist_ok=True)
    (devices / address).symlink_to(f"../../../devices/pci0000:00/{address}")


def add_virtual_function(root: Path, address: str, of: str, driver: str = "nvidia") -> None:
    """Add an SR-IOV virtual function of a GPU: a device with a link to its physical function."""
    add_pci_device(root, address, driver=driver)
    (root / "sys/devices/pci0000:00" / address / "physfn").symlink_to(f"../{of}")


def add_kernel_module(root: Path, words: str = KERNEL_MODULE_VERSION) -> None:
    """Add the kernel module's version file to a host tree: the driver is loaded."""
    path = root / "proc/driver/nvidia/version"
    path.parent.mkdir(parents=True)
    path.write_text(words)
