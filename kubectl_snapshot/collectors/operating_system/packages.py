"""Versions of installed packages by an allow-list (subtype OS.packages): dpkg, rpm.

Sources: dpkg(1), deb-control(5); lib/header.c and lib/backend/sqlite.c of rpm.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.sysfs import read_names
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, InvalidRequest, Unavailable

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath


# A package is on hold, as kubelet and drivers often are, where the first word is not `install`.
DPKG_STATUS, INSTALLED = "/var/lib/dpkg/status", b" ok installed\n"
MAX_DPKG_BYTES = 33_554_432
# The second is a link to the first where both are.
RPM_PLACES = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
RPM_SQLITE = "rpmdb.sqlite"
# No reader here.
RPM_OTHERS = {"Packages.db": "ndb", "Packages": "Berkeley DB"}
# Beginnings of names: GPU and network drivers and their libraries, kernels and firmware, container
# runtimes and kubelet, what keeps time and mounts storage.
KEPT = tuple(
    """nvidia libnvidia cuda-toolkit cuda-compat cuda-driver cuda-runtime libnccl libcudnn
    datacenter-gpu-manager gdrcopy libgdrapi amdgpu rocm rocminfo hip-runtime-amd rccl intel-opencl
    intel-level-zero habanalabs aws-neuronx efa libfabric1-aws libfabric-aws mlnx doca ofed
    rdma-core libibverbs ibverbs-providers librdmacm libmlx5 infiniband-diags mft mstflint opensm
    ucx hpcx openmpi linux-image- linux-modules-nvidia linux-firmware kernel-core kernel-modules-nv
    kernel-64k kernel-default intel-microcode amd64-microcode microcode_ctl kmod-nvidia dkms
    kubelet kubeadm kubectl cri-tools kubernetes-cni containerd cri-o crun runc docker-ce docker.io
    podman kata-containers libnvidia-container systemd-timesyncd chrony ntpsec linuxptp iptables
    nftables ipset conntrack lustre-client nfs-common nfs-utils ceph-common""".split()
)
EXACT = frozenset("kernel systemd glibc libc6 openssl ntp gcc libssl3 libssl3t64 udev".split())
# Tags of a header.
NAME, VERSION_TAG, RELEASE, EPOCH = 1000, 1001, 1002, 1003


def read(host: HostPath) -> Subtype:
    """Return the versions by package; several of one name are comma-separated."""
    with suppress(Absent):
        status = host.read_bytes(DPKG_STATUS, MAX_DPKG_BYTES)
        if status:  # empty, where dpkg itself is a package of rpm
            return Subtype("packages", parse_dpkg(status))
    for place in RPM_PLACES:
        names = read_names(host, place)
        if RPM_SQLITE in names:
            return Subtype("packages", _read_rpm(host, f"{place}/{RPM_SQLITE}"))
        for name, kind in RPM_OTHERS.items():
            if name in names:
                why = f"{place}/{name} is in the format of {kind}, not of SQLite"
                raise Unavailable("the database of rpm cannot be read", why=why)
    raise Absent("the node has no package database", why="neither dpkg's nor rpm's is in /var/lib")


def parse_dpkg(status: bytes) -> dict[str, str]:
    """Return the versions of installed packages of the allow-list.

    Raises InvalidRequest for a file that does not end as dpkg ends it: its last version may be cut.
    """
    if status and not status.endswith(b"\n"):
        raise InvalidRequest(f"{DPKG_STATUS} of the node is truncated")
    found: dict[str, str] = {}
    for paragraph in (b"\n\n" + status).split(b"\n\nPackage: ")[1:]:
        name, _, fields = paragraph.partition(b"\n")
        if INSTALLED in fields and _is_kept(text := name.decode("utf-8", "replace").strip()):
            version = fields.partition(b"\nVersion: ")[2].split(b"\n", 1)[0]
            if version:
                found[text] = version.decode("utf-8", "replace").strip()
    return found


def parse_rpm_header(blob: bytes) -> tuple[str, str]:
    """Return name and `[epoch:]version-release` of a header in rpm's database, "" if it has none.

    A header is the number of entries and of data bytes, then an entry of tag, type, offset and
    count for each, all big-endian, then the data.
    """
    count = int.from_bytes(blob[:4], "big")
    data = 8 + 16 * count
    values: dict[int, str] = {}
    for at in range(8, min(data, len(blob) - 15), 16):
        tag, _, offset = (int.from_bytes(blob[i : i + 4], "big") for i in (at, at + 4, at + 8))
        if tag == EPOCH:
            values[tag] = str(int.from_bytes(blob[data + offset : data + offset + 4], "big")) + ":"
        elif tag in (NAME, VERSION_TAG, RELEASE):
            text = blob[data + offset :].split(b"\0", 1)[0]
            values[tag] = text.decode("utf-8", "replace")
    epoch, version, release = (values.get(tag, "") for tag in (EPOCH, VERSION_TAG, RELEASE))
    return values.get(NAME, ""), f"{epoch}{version}-{release}" if version and release else ""


def _is_kept(name: str) -> bool:
    return name in EXACT or name.startswith(KEPT)


def _read_rpm(host: HostPath, path: str) -> dict[str, str]:
    with suppress(Absent):
        # The changes that are not yet in the database. Raises InvalidRequest unless it is empty.
        host.read_bytes(f"{path}-wal", 0)
    import sqlite3  # late: few nodes have it
    from urllib.parse import quote

    # Immutable: no lock is taken and no file made beside it.
    uri = f"file:{quote(host.resolve_file(path))}?mode=ro&immutable=1"
    found: dict[str, list[str]] = {}
    try:
        database = sqlite3.connect(uri, uri=True)
        try:
            for name, blob in database.execute(
                "SELECT Name.key, blob FROM Name JOIN Packages USING (hnum) ORDER BY hnum"
            ):
                if isinstance(name, str) and _is_kept(name):
                    # SQLite has a type per value, not per column.
                    version = parse_rpm_header(blob)[1] if isinstance(blob, bytes) else ""
                    if not version:
                        raise Unavailable("the database of rpm cannot be read", why=f"at {name}")
                    found.setdefault(name, []).append(version)
        finally:
            database.close()
    except sqlite3.Error as error:
        raise Unavailable("the database of rpm cannot be read", why=str(error)) from error
    return {name: ",".join(versions) for name, versions in found.items()}
