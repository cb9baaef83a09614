"""Board, identity and IOMMU of small trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.hardware.board import read_board, read_identity, read_iommu
from kubectl_snapshot.errors import Absent, Internal, Unavailable
from tests.unit.hosts import write_files


def test_board_with_bios_and_bmc(tmp_path: Path) -> None:
    write_files(
        tmp_path / "sys/class/dmi/id",
        {
            "sys_vendor": "NVIDIA",
            "product_name": "DGXH100",
            "board_name": "DGXH100",
            "board_version": "",
            "bios_version": "1.05.03",
            "bios_date": "11/22/2024",
            "product_serial": "1660223000123",
        },
    )
    write_files(
        tmp_path / "sys/devices/platform/ipmi_bmc.0",
        {"firmware_revision": "24.09", "ipmi_version": "2.0", "product_id": "0x22b9"},
    )
    write_files(tmp_path / "sys/devices/platform/other", {"firmware_revision": "9"})
    assert read_board(HostPath(str(tmp_path))).data == {
        "system.vendor": "NVIDIA",
        "system.product": "DGXH100",
        "board.name": "DGXH100",
        "bios.version": "1.05.03",
        "bios.date": "11/22/2024",
        "bmc.firmware": "24.09",
        "bmc.ipmi-version": "2.0",
        "bmc.product-id": "0x22b9",
    }


def test_a_machine_with_a_device_tree_has_its_model(tmp_path: Path) -> None:
    write_files(tmp_path / "sys/firmware/devicetree/base", {"model": b"Jetson AGX Orin\0"})
    assert read_board(HostPath(str(tmp_path))).data == {"system.model": "Jetson AGX Orin"}


def test_a_machine_without_either_has_no_board(tmp_path: Path) -> None:
    write_files(tmp_path / "sys", {"x": ""})
    with pytest.raises(Absent):
        read_board(HostPath(str(tmp_path)))


def test_ids_of_installation_boot_and_machine(tmp_path: Path) -> None:
    write_files(tmp_path / "proc/sys/kernel/random", {"boot_id": "5f1f6f0e"})
    write_files(tmp_path / "etc", {"machine-id": "3d1219c7"})
    host = HostPath(str(tmp_path))
    (tmp_path / "sys/class").mkdir(parents=True)
    two = {"boot-id": "5f1f6f0e", "machine-id": "3d1219c7"}
    assert (read_identity(host).data, read_identity(host).context) == (two, {})
    write_files(tmp_path / "sys/class/dmi/id", {"product_uuid": "4c4c4544"})
    assert read_identity(host).data == {**two, "product-uuid": "4c4c4544"}


def test_the_id_of_the_installation_may_be_behind_a_link(tmp_path: Path) -> None:
    files = {"run/machine-id": "0123456789abcdef0123456789abcdef", "proc/stat": "", "sys/x": ""}
    write_files(tmp_path, files)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").symlink_to("/run/machine-id")
    found = read_identity(HostPath(str(tmp_path)))
    assert (found.data, found.status) == ({"machine-id": "0123456789abcdef0123456789abcdef"}, "ok")
    (tmp_path / "run/machine-id").unlink()
    (tmp_path / "run/machine-id").mkdir()
    with pytest.raises(Internal, match="/etc/machine-id of the node is not a regular file"):
        read_identity(HostPath(str(tmp_path)))


def test_a_version_keeps_its_leading_zeros(tmp_path: Path) -> None:
    files = {"board_version": "007", "product_version": "0", "bios_version": "10"}
    write_files(tmp_path / "sys/class/dmi/id", files)
    assert read_board(HostPath(str(tmp_path))).data == {
        "board.version": "007",
        "system.version": 0,
        "bios.version": 10,
    }


def test_a_pod_without_the_nodes_files_has_the_boot_only() -> None:
    found = read_identity(HostPath(None))
    assert ([*found.data], found.status) == (["boot-id"], "partial")
    assert "--privileged=false" in found.context["reason"]


def test_groups_tell_whether_devices_are_behind_an_iommu(tmp_path: Path) -> None:
    groups = tmp_path / "sys/kernel/iommu_groups"
    groups.mkdir(parents=True)
    host = HostPath(str(tmp_path))
    assert read_iommu(host).data == {"enabled": False, "groups": 0, "units": 0}
    for path in (groups / "0", groups / "1", tmp_path / "sys/class/iommu/dmar0"):
        path.mkdir(parents=True)
    assert read_iommu(host).data == {"enabled": True, "groups": 2, "units": 1}


def test_without_groups_nothing_is_enabled_or_known(tmp_path: Path) -> None:
    write_files(tmp_path / "sys/kernel", {"x": ""})
    with pytest.raises(Absent, match="no IOMMU groups"):
        read_iommu(HostPath(str(tmp_path)))
    with pytest.raises(Unavailable):
        read_iommu(HostPath(None))
