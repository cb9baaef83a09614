"""Cgroups, disks, mounts and file systems of small trees."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.storage import (
    classify_share,
    classify_size,
    parse_chosen,
    read_block_devices,
    read_cgroup,
    read_filesystems,
    read_mounts,
)
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, InvalidRequest, Unavailable
from tests.unit.hosts import write_files

CGROUP2 = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
UNIFIED = "38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
CGROUP1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"
OTHER = "33 1 0:40 / /mnt/cgroup rw - cgroup2 cgroup2 rw"
CGROUPS = (
    "#subsys_name hierarchy num_cgroups enabled\npids 8 21 1\ncpu 1 21 1\nrdma 0 1 1\nmemory 0 1 0"
)


@pytest.fixture
def host(tmp_path: Path) -> HostPath:
    write_files(tmp_path / "proc", {"cgroups": CGROUPS})
    controllers = {"cgroup.controllers": "cpu memory pids", "cgroup.subtree_control": "cpu"}
    write_files(tmp_path / "sys/fs/cgroup", controllers)
    return HostPath(str(tmp_path))


def mount(host: HostPath, *lines: str) -> None:
    write_files(Path(host.root or "") / "proc/1", {"mountinfo": "\n".join(lines)})


def test_the_version_of_cgroups_by_what_is_mounted(host: HostPath) -> None:
    mount(host, CGROUP2, OTHER)
    assert read_cgroup(host).data == {
        "version": "v2",
        "controllers": "cpu,memory,pids",
        "delegated": "cpu",
    }
    of_v1 = {"controllers": "cpu,pids", "disabled": "memory"}
    mount(host, CGROUP1, OTHER)
    assert read_cgroup(host).data == {"version": "v1", **of_v1}
    mount(host, CGROUP1, UNIFIED)
    assert read_cgroup(host).data == {"version": "hybrid", **of_v1}
    mount(host, OTHER)
    with pytest.raises(Absent):
        read_cgroup(host)


def test_disks_and_arrays_without_what_has_no_disk(tmp_path: Path) -> None:
    disk = {
        "size": "2000",
        "queue/rotational": "0",
        "queue/scheduler": "[none] mq-deadline",
        "queue/read_ahead_kb": "128",
        "queue/logical_block_size": "4096",
        "device/model": "SAMSUNG MZWLO3T8",
        "hidden": "0",
    }
    blocks = tmp_path / "sys/block"
    write_files(blocks / "nvme0n1", disk)
    write_files(blocks / "nvme0c0n1", {**disk, "hidden": "1"})
    raid = {"level": "raid0", "array_state": "clean", "degraded": "1", "raid_disks": "8"}
    write_files(blocks / "md0", {"size": "5", **{f"md/{k}": v for k, v in raid.items()}})
    for name in ("loop0", "ram1", "zram0", "dm-0", "nbd0", "rbd0", "sr0", "fd0"):
        write_files(blocks / name, disk)
    assert read_block_devices(HostPath(str(tmp_path))).data == {
        "nvme0n1.size-bytes": 1024000,
        "nvme0n1.rotational": False,
        "nvme0n1.scheduler": "none",
        "nvme0n1.read-ahead-kib": 128,
        "nvme0n1.logical-block-bytes": 4096,
        "nvme0n1.model": "SAMSUNG MZWLO3T8",
        "md0.size-bytes": 2560,
        "md0.raid-level": "raid0",
        "md0.raid-state": "clean",
        "md0.raid-degraded": 1,
        "md0.raid-disks": 8,
    }


def test_a_node_without_a_disk_of_its_own(tmp_path: Path) -> None:
    write_files(tmp_path / "sys/block/loop0", {"size": "1"})
    with pytest.raises(Absent, match="no disk"):
        read_block_devices(HostPath(str(tmp_path)))


def line_of(path: Path, place: str, kind: str = "ext4", options: str = "rw") -> str:
    """Return the line of a mount that has the device of a real directory."""
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    return f"27 1 {number} / {place} rw,relatime - {kind} /dev/vda {options}"


def classes_of(path: Path) -> dict[str, str]:
    space = os.statvfs(path)
    found = {
        "size": classify_size(space.f_blocks * space.f_frsize),
        "free-percent": classify_share(space.f_bavail, space.f_blocks),
    }
    if space.f_files:
        found["free-inodes-percent"] = classify_share(space.f_ffree, space.f_files)
    return found


def test_mounts_of_the_node_and_none_of_containers_or_the_kernel(
    tmp_path: Path, host: HostPath
) -> None:
    for name in ("data", "gone"):
        (tmp_path / name).mkdir()
    mount(
        host,
        line_of(tmp_path, "/", "overlay", "rw,lowerdir=/a:/b,upperdir=/c,workdir=/d,index=off"),
        line_of(tmp_path, "/data"),
        "50 27 0:99 / /nfs rw - nfs4 server:/x rw,vers=4.2",
        "51 27 0:999998 / /gone rw - ext4 /dev/sdb rw",
        "52 27 0:97 / /proc rw - proc proc rw",
        "53 27 0:96 / /var/lib/kubelet/pods/1/volumes/x rw - tmpfs tmpfs rw",
        "54 27 0:95 / /run/user/1000 rw - tmpfs tmpfs rw",
        CGROUP2,
    )
    size = classes_of(tmp_path)["size"]
    assert read_mounts(host).data == {
        "/.type": "overlay",
        "/.source": "/dev/vda",
        "/.options": "rw,relatime",
        "/.fs-options": "rw,index=off",
        "/.size": size,
        "/data.type": "ext4",
        "/data.source": "/dev/vda",
        "/data.options": "rw,relatime",
        "/data.fs-options": "rw",
        "/data.size": size,
        "/nfs.type": "nfs4",
        "/nfs.source": "server:/x",
        "/nfs.options": "rw",
        "/nfs.fs-options": "rw,vers=4.2",
        # Not what is at this path here: another device.
        "/gone.type": "ext4",
        "/gone.source": "/dev/sdb",
        "/gone.options": "rw",
        "/gone.fs-options": "rw",
    }


def test_file_systems_of_the_roots_that_exist(tmp_path: Path, host: HostPath) -> None:
    for name in ("var/lib/kubelet", "mnt/disk/containerd"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "var/lib/containerd").symlink_to("/mnt/disk/containerd")
    mount(host, line_of(tmp_path, "/", "xfs"), line_of(tmp_path, "/mnt/disk"))
    space = classes_of(tmp_path)
    expected = {
        "root": {"mount": "/", "type": "xfs", **space},
        "kubelet": {"mount": "/", "type": "xfs", **space},
        "containerd": {"mount": "/mnt/disk", "type": "ext4", **space},
    }
    assert read_filesystems(host).data == {
        f"{name}.{key}": text for name, found in expected.items() for key, text in found.items()
    }


def test_the_space_of_a_server_is_not_asked_for(tmp_path: Path, host: HostPath) -> None:
    mount(host, line_of(tmp_path, "/", "nfs4"))
    assert read_filesystems(host).data == {"root.mount": "/", "root.type": "nfs4"}


@pytest.mark.parametrize("read", [read_cgroup, read_mounts, read_filesystems])
def test_a_pods_own_mounts_are_not_the_nodes(read: type) -> None:
    with pytest.raises(Unavailable):
        read(HostPath(None))


def test_classes_of_sizes_and_shares() -> None:
    gib = 1 << 30
    assert [classify_size(n) for n in (0, gib - 1, gib, 2 * gib - 1, 2 * gib, 100 * gib)] == [
        *("0-1 GiB", "0-1 GiB", "1-2 GiB", "1-2 GiB", "2-4 GiB", "64-128 GiB")
    ]
    assert [
        classify_share(n, 1000) for n in (0, 49, 50, 99, 100, 149, 150, 249, 250, 499, 500)
    ] == [
        *("0-5", "0-5", "5-10", "5-10", "10-15", "10-15", "15-25", "15-25", "25-50", "25-50"),
        "50-100",
    ]
    assert classify_share(1000, 1000) == "50-100"


def test_the_chosen_word_is_in_brackets() -> None:
    assert parse_chosen("none [mq-deadline] bfq") == "mq-deadline"
    assert parse_chosen("lzo") == "lzo"
    assert parse_chosen("none [mq-dead") == "none [mq-dead"


@pytest.mark.parametrize("read", [read_cgroup, read_mounts, read_filesystems])
def test_a_process_without_a_mount_is_an_error(
    host: HostPath, read: Callable[[HostPath], Subtype]
) -> None:
    mount(host, "")
    with pytest.raises(InvalidRequest, match="/proc/1/mountinfo of the node cannot be understood"):
        read(host)


def test_controllers_of_version_1_that_no_row_names_are_an_error(host: HostPath) -> None:
    write_files(Path(host.root or "") / "proc", {"cgroups": "#subsys_name hierarchy"})
    mount(host, CGROUP1)
    with pytest.raises(InvalidRequest, match="/proc/cgroups of the node cannot be understood"):
        read_cgroup(host)


def test_a_disk_that_is_removed_meanwhile_costs_no_other(tmp_path: Path) -> None:
    write_files(tmp_path / "sys/block", {"vda/size": "8", "vda/queue/rotational": "x"})
    (tmp_path / "sys/block/vdb").symlink_to("/sys/devices/gone")
    found = read_block_devices(HostPath(str(tmp_path)))
    assert found.data == {"vda.rotational": "x", "vda.size-bytes": 4096}
