"""What a node is by its DMI, its hypervisor and its clocks, as systemd decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.hardware.virtualization import (
    DMI_VENDORS,
    detect_vm,
    read_virtualization,
)
from kubectl_snapshot.errors import Unavailable
from tests.unit.hosts import write_files

KVM, HYPER_V = "tsc kvm-clock acpi_pm", "hyperv_clocksource_tsc_page acpi_pm"


@pytest.mark.parametrize(
    ("dmi", "clocks", "has_flag", "expected"),
    [
        ({"sys_vendor": "NVIDIA", "product_name": "DGXH100"}, "tsc hpet", False, "none"),
        ({}, "tsc", False, "none"),
        ({}, "tsc", True, "vm-other"),
        ({}, KVM, True, "kvm"),
        ({"sys_vendor": "QEMU"}, KVM, True, "kvm"),
        ({"sys_vendor": "QEMU"}, "tsc", True, "qemu"),
        ({"sys_vendor": "QEMU"}, "tsc", False, "qemu"),
        ({"product_name": "Google Compute Engine"}, KVM, True, "google"),
        ({"sys_vendor": "Amazon EC2", "product_name": "p5.48xlarge"}, KVM, True, "amazon"),
        ({"sys_vendor": "Amazon EC2", "product_name": "m7i.metal-24xl"}, "tsc", False, "amazon"),
        ({"sys_vendor": "Amazon EC2", "product_name": "g4dn.metal"}, "tsc", False, "none"),
        ({"sys_vendor": "Microsoft Corporation"}, HYPER_V, True, "microsoft"),
        ({"bios_version": "Hyper-V", "product_version": "Hyper-V UEFI"}, "", True, "microsoft"),
        ({"sys_vendor": "VMware, Inc."}, "tsc acpi_pm", True, "vmware"),
        ({"bios_vendor": "BHYVE"}, "tsc", True, "bhyve"),
        # The order of the fields decides, not that of the vendors.
        ({"product_name": "KubeVirt", "sys_vendor": "Xen"}, "tsc", True, "kvm"),
        ({"bios_vendor": "A QEMU"}, "tsc", False, "none"),
    ],
)
def test_the_kind_of_virtual_machine(
    dmi: dict[str, str], clocks: str, has_flag: bool, expected: str
) -> None:
    assert detect_vm(dmi, "", "", clocks, has_flag) == expected


def test_xen_by_its_hypervisor_and_its_first_domain_is_none() -> None:
    assert detect_vm({}, "xen", "000002705", "tsc", False) == "xen"
    assert detect_vm({}, "xen", "00000e90", "tsc", True) == "none"
    assert detect_vm({}, "xen", "", "tsc", True) == "xen"
    assert detect_vm({"sys_vendor": "VirtualBox"}, "xen", "", KVM, True) == "oracle"


def test_each_vendor_that_decides_is_a_vendor() -> None:
    from kubectl_snapshot.collectors.hardware.virtualization import DMI_DECIDES

    assert set(DMI_DECIDES) <= set(DMI_VENDORS.values())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "none"),
        ({"run/systemd/container": "lxc"}, "lxc"),
        ({"run/systemd/container": "strange"}, "container-other"),
        ({"run/systemd/container": "oci", "run/.containerenv": ""}, "podman"),
        ({"run/host/container-manager": "systemd-nspawn", ".dockerenv": ""}, "systemd-nspawn"),
        ({".dockerenv": ""}, "docker"),
    ],
)
def test_the_kind_of_container(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    cpuinfo = "flags : fpu hypervisor\n\nprocessor : 1\nflags : fpu"
    write_files(tmp_path, {"proc/cpuinfo": cpuinfo, "sys/x": "", **files})
    found = read_virtualization(HostPath(str(tmp_path)))
    assert found.data == {"container": expected, "vm": "vm-other"}


def test_a_node_is_read_by_all_its_files(tmp_path: Path) -> None:
    write_files(tmp_path, {"proc/cpuinfo": "flags : fpu", "run/x": ""})
    write_files(tmp_path / "sys/hypervisor", {"type": "xen", "properties/features": "00000e90"})
    host = HostPath(str(tmp_path))
    assert read_virtualization(host).data == {"container": "none", "vm": "none"}
    write_files(tmp_path / "sys/hypervisor", {"properties/features": "0"})
    assert read_virtualization(host).data["vm"] == "xen"
    write_files(tmp_path / "sys/class/dmi/id", {"product_name": "VirtualBox"})
    assert read_virtualization(host).data["vm"] == "oracle"
    clock = {"available_clocksource": KVM}
    write_files(tmp_path / "sys/devices/system/clocksource/clocksource0", clock)
    for name in ("class/dmi/id/product_name", "hypervisor/type"):
        (tmp_path / "sys" / name).unlink()
    assert read_virtualization(host).data["vm"] == "kvm"


def test_a_pods_own_files_say_nothing_of_the_node() -> None:
    with pytest.raises(Unavailable):
        read_virtualization(HostPath(None))
