"""Cgroups, block devices, mounts and the file systems of kubelet and container runtime.

Subtypes OS.cgroup, OS.block-devices, OS.mounts, OS.filesystems. Sources: statvfs(3);
Documentation/admin-guide/cgroup-v2.rst, ABI/stable/sysfs-block, admin-guide/md.rst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system.mountinfo import find_mount, parse_mounts
from kubectl_snapshot.collectors.sysfs import SWITCH, read_keys, read_names, read_optional, refuse
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.operating_system.mountinfo import Mount
    from kubectl_snapshot.collectors.sysfs import Data


MOUNTINFO, CGROUPS, UNIFIED = "/proc/1/mountinfo", "/proc/cgroups", "/sys/fs/cgroup"
DISKS = "/sys/block"
# Devices without a disk of their own, and those of pods' volumes.
NO_DISKS = ("loop", "ram", "zram", "dm-", "nbd", "rbd", "sr", "fd")
QUEUE_FILES = {
    "rotational": "rotational",
    "scheduler": "scheduler",
    "read_ahead_kb": "read-ahead-kib",
    "logical_block_size": "logical-block-bytes",
}
RAID_FILES = {
    "level": "raid-level",
    "array_state": "raid-state",
    "degraded": "raid-degraded",
    "raid_disks": "raid-disks",
}
SECTOR_BYTES = 512
# Mounts that come and go with containers, sessions and units.
TRANSIENT = tuple(
    f"{path}/"
    for path in (
        *("/var/lib/kubelet", "/var/lib/containerd", "/var/lib/docker", "/var/lib/containers"),
        *("/run/containerd", "/run/docker", "/run/crio", "/run/containers", "/run/k3s"),
        *("/run/netns", "/run/user", "/run/credentials", "/run/systemd", "/proc", "/snap"),
        *("/var/snap", "/var/run", "/var/lib/rancher", "/run/docker.sock", "/media", "/sys"),
    )
)
# File systems that the kernel shows itself with; each node has them.
KERNEL_TYPES = frozenset(
    """autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl
    mqueue nsfs proc pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tracefs""".split()
)
# statvfs(3) of these asks no server and no process.
LOCAL_TYPES = frozenset("ext2 ext3 ext4 xfs vfat tmpfs f2fs jfs overlay hugetlbfs zfs".split())
# Layers of an image: long, and new with each.
LAYERS = ("lowerdir", "upperdir", "workdir")
ROOTS = {
    "root": "/",
    "kubelet": "/var/lib/kubelet",
    "containerd": "/var/lib/containerd",
    "docker": "/var/lib/docker",
    "cri-o": "/var/lib/containers/storage",
}
GIB = 1 << 30
# The kubelet evicts below 10 % of its own file system and 15 % of the images' (defaults of
# KubeletConfiguration, evictionHard).
SHARES = (5, 10, 15, 25, 50, 100)


def read_cgroup(host: HostPath) -> Subtype:
    """Return the version of cgroups, `hybrid` with both, and the controllers."""
    types = {mount.type for mount in _read_mounts(host) if f"{mount.path}/".startswith(UNIFIED)}
    if "cgroup" not in types:
        if "cgroup2" not in types:
            raise Absent("no cgroup file system is mounted on the node")
        files = {"cgroup.controllers": "controllers", "cgroup.subtree_control": "delegated"}
        found = {k: ",".join(str(v).split()) for k, v in read_keys(host, UNIFIED, files).items()}
        return Subtype("cgroup", {"version": "v2", **found})
    rows = [line.split() for line in host.read_text(CGROUPS).splitlines() if line[:1] != "#"]
    rows = [row for row in rows if len(row) == 4]
    if not rows:
        raise refuse(CGROUPS, "")
    data = {
        "version": "hybrid" if "cgroup2" in types else "v1",
        "controllers": ",".join(sorted(row[0] for row in rows if row[1] != "0")),
    }
    disabled = ",".join(sorted(row[0] for row in rows if row[3] == "0"))
    return Subtype("cgroup", {**data, **({"disabled": disabled} if disabled else {})})


def read_block_devices(host: HostPath) -> Subtype:
    """Return the disks and RAID arrays with their queues."""
    data: Data = {}
    for name in host.read_names(DISKS):
        if name.startswith(NO_DISKS):
            continue
        directory = host.resolve(f"{DISKS}/{name}")
        own = read_optional(host, directory, {"size": "size", "hidden": "hidden"})
        if own.get("hidden") == 1:  # a path of a multipath NVMe disk
            continue
        found = read_optional(host, f"{directory}/queue", QUEUE_FILES)
        found.update(read_optional(host, f"{directory}/device", {"model": "model"}))
        found.update(read_optional(host, f"{directory}/md", RAID_FILES))
        if isinstance(size := own.get("size"), int):
            found["size-bytes"] = size * SECTOR_BYTES
        if "rotational" in found:
            found["rotational"] = SWITCH.get(found["rotational"], found["rotational"])
        if "scheduler" in found:
            found["scheduler"] = parse_chosen(str(found["scheduler"]))
        data.update({f"{name}.{key}": value for key, value in found.items()})
    if not data:
        raise Absent("the node has no disk of its own")
    return Subtype("block-devices", data)


def read_mounts(host: HostPath) -> Subtype:
    """Return the node's mounts but those of containers and of the kernel itself."""
    data: dict[str, str] = {}
    for mount in _read_mounts(host):
        if mount.type in KERNEL_TYPES or f"{mount.path}/".startswith(TRANSIENT):
            continue
        options = [o for o in mount.fs_options.split(",") if o.partition("=")[0] not in LAYERS]
        size = _read_space(host, mount, mount.path).get("size", "")
        found = {
            "type": mount.type,
            "source": mount.source,
            "options": mount.options,
            "fs-options": ",".join(options),
            "size": size,
        }
        data.update({f"{mount.path}.{key}": text for key, text in found.items() if text})
    return Subtype("mounts", data)


def read_filesystems(host: HostPath) -> Subtype:
    """Return the file systems of the node's root, of kubelet and of container runtimes."""
    mounts = _read_mounts(host)
    data: dict[str, str] = {}
    for name, path in ROOTS.items():
        place = host.resolve(path) or "/"
        mount = find_mount(mounts, place)
        if mount and (path == "/" or place.rpartition("/")[2] in _names_beside(host, place)):
            found = {"mount": mount.path, "type": mount.type, **_read_space(host, mount, place)}
            data.update({f"{name}.{key}": text for key, text in found.items()})
    return Subtype("filesystems", data)


def parse_chosen(text: str) -> str:
    """Return the word in brackets, `none` of `[none] mq-deadline`, or else the text."""
    word, is_marked, _ = text.partition("[")[2].partition("]")
    return word if is_marked else text


def classify_size(size_bytes: int) -> str:
    """Return the powers of two between which a size is: `64-128 GiB`."""
    if size_bytes < GIB:
        return "0-1 GiB"
    lower = 1 << (size_bytes // GIB).bit_length() - 1
    return f"{lower}-{2 * lower} GiB"


def classify_share(part: int, whole: int) -> str:
    """Return the limits in percent between which a share is: `15-25`; a limit is in the upper."""
    share = 100 * part // whole
    upper = next((limit for limit in SHARES if share < limit), SHARES[-1])
    lower = max((limit for limit in SHARES if limit < upper), default=0)
    return f"{lower}-{upper}"


def _read_mounts(host: HostPath) -> list[Mount]:
    host.with_root("/")  # raises where only the pod's own /proc is visible
    text = host.read_text(MOUNTINFO)
    mounts = parse_mounts(text)
    if not mounts:  # each process has a root
        raise refuse(MOUNTINFO, text)
    return mounts


def _read_space(host: HostPath, mount: Mount, path: str) -> dict[str, str]:
    """Return classes of size and free space; {} if the pod does not see that file system there."""
    if mount.type not in LOCAL_TYPES:
        return {}
    device, space = host.read_space(path)
    if device != mount.device or not space.f_blocks:
        return {}
    found = {
        "size": classify_size(space.f_blocks * space.f_frsize),
        "free-percent": classify_share(space.f_bavail, space.f_blocks),
    }
    if space.f_files:
        found["free-inodes-percent"] = classify_share(space.f_ffree, space.f_files)
    return found


def _names_beside(host: HostPath, path: str) -> tuple[str, ...]:
    return read_names(host, path.rpartition("/")[0] or "/")
