"""Hardware and OS of a real node against what lscpu, findmnt, lsblk and others say there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import pytest

from kubectl_snapshot.collectors.operating_system.packages import KEPT
from kubectl_snapshot.collectors.operating_system.storage import classify_share, classify_size
from kubectl_snapshot.collectors.operating_system.subtypes import SPECS
from kubectl_snapshot.document.snapshot import Scalar, Snapshot
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]
Data = Mapping[str, Scalar]

NODE = "node2"
COLUMNS = "TARGET,SOURCE,FSTYPE,VFS-OPTIONS,FS-OPTIONS,SIZE,AVAIL"
OWN = [spec.name for spec in SPECS]


def capture(run: Run, namespace: str, *words: str) -> Snapshot:
    ended = run("-n", namespace, "--node", NODE, "--collect", "Hardware,OS", *words)
    assert ended.returncode == 0, ended.stderr
    return parse_valid(ended.stdout)


class Node:
    """What the tools of a node say."""

    def __init__(self, cluster: Cluster) -> None:
        cluster.require_lab()
        self.cluster = cluster

    def run(self, *words: str) -> str:
        return self.cluster.node_exec(NODE, *words).strip()

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words))


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> Node:
    return Node(cluster)


def plain(value: Any) -> Any:
    """Return a value without the colons that lscpu leaves out or writes as semicolons."""
    return value.translate({ord(":"): None, ord(";"): None}) if isinstance(value, str) else value


def of_processors(node: Node) -> dict[str, Data]:
    fields = {f["field"].rstrip(":"): f["data"] for f in node.json("lscpu", "-J")["lscpu"]}
    sockets = int(fields["Socket(s)"])
    flags = " ".join(sorted(fields["Flags"].split()))
    marked = "Vulnerability "
    return {
        "Hardware.cpu": {
            "model": fields["Model name"],
            "vendor": fields["Vendor ID"],
            "family": int(fields["CPU family"]),
            "model-number": int(fields["Model"]),
            "stepping": int(fields["Stepping"]),
            "sockets": sockets,
            "cores": sockets * int(fields["Core(s) per socket"]),
            "threads": int(fields["CPU(s)"]),
            "flags-digest": sha256(flags.encode()).hexdigest()[:16],
        },
        "Hardware.vulnerabilities": {
            name[len(marked) :].lower().replace(" ", "_"): text
            for name, text in fields.items()
            if name.startswith(marked)
        },
    }


def of_machine(node: Node) -> dict[str, Data]:
    free = node.run("free", "-k").splitlines()
    swap = free[2].split()[1]
    clock = dict(line.split("=", 1) for line in node.run("timedatectl", "show").splitlines())
    container = node.run("sh", "-c", "systemd-detect-virt --container || true")
    return {
        "Hardware.memory": {"total-kib": int(free[1].split()[1])},
        "Hardware.identity": {
            "machine-id": node.run("cat", "/etc/machine-id"),
            "boot-id": node.run("cat", "/proc/sys/kernel/random/boot_id"),
        },
        "Hardware.virtualization": {
            "container": container,
            "vm": node.run("sh", "-c", "systemd-detect-virt --vm || true"),
        },
        "OS.memory": {
            "swap.total-kib": int(swap),
            "thp.enabled": node.run("sh", "-c", THP).strip("[]"),
        },
        "OS.time": {"synchronized": clock["NTPSynchronized"] == "yes"},
    }


THP = "grep -o '\\[.*\\]' /sys/kernel/mm/transparent_hugepage/enabled"


def of_system(node: Node) -> dict[str, Data]:
    packages = node.run("dpkg-query", "-W", "-f", "${Package} ${Status} ${Version}\\n").splitlines()
    rows = [line.split() for line in packages]
    config = node.run("zcat", "/proc/config.gz").splitlines()
    options = dict(line.split("=", 1) for line in config if line.startswith("CONFIG_"))
    cgroups = node.run("findmnt", "-rno", "FSTYPE", "-R", "/sys/fs/cgroup").split()
    return {
        "OS.packages": {
            row[0]: row[4]
            for row in rows
            if row[1:4] == ["install", "ok", "installed"] and row[0].startswith(KEPT)
        },
        "OS.kernel-config": {
            name: options[f"CONFIG_{name}"].strip('"') for name in ("HZ", "NUMA", "LSM", "MEMCG")
        },
        "OS.cgroup": {
            "version": {1: "hybrid", 0: "v1"}["cgroup2" in cgroups] if "cgroup" in cgroups else "v2"
        },
    }


def of_storage(node: Node) -> dict[str, Data]:
    columns = "NAME,SIZE,ROTA,SCHED,RA,LOG-SEC"
    disks = node.json("lsblk", "-J", "-b", "-d", "-e", "1,7,253,252", "-o", columns)["blockdevices"]
    found = node.json("findmnt", "-J", "-b", "-l", "--nofsroot", "-o", COLUMNS)["filesystems"]
    mounts = {mount["target"]: mount for mount in found}
    kubelet = mounts["/var/lib/kubelet"]
    keys = {
        "size": "size-bytes",
        "rota": "rotational",
        "sched": "scheduler",
        "ra": "read-ahead-kib",
    }
    keys["log-sec"] = "logical-block-bytes"
    names = {"source": "source", "fstype": "type", "vfs-options": "options"}
    names["fs-options"] = "fs-options"
    return {
        "OS.block-devices": {
            f"{disk['name']}.{key}": disk[column]
            for disk in disks
            if not disk["name"].startswith("zram")
            for column, key in keys.items()
        },
        "OS.mounts": {
            f"{path}.{key}": mounts[path][column]
            for path in ("/run", "/tmp", "/dev/shm", "/var/log", "/srv/bin")
            for column, key in names.items()
        },
        "OS.filesystems": {
            "kubelet.mount": "/var/lib/kubelet",
            "kubelet.type": kubelet["fstype"],
            "kubelet.size": classify_size(int(kubelet["size"])),
            "kubelet.free-percent": classify_share(int(kubelet["avail"]), int(kubelet["size"])),
        },
    }


def test_readings_are_what_the_tools_of_the_node_say(
    run_snapshot: Run, namespace: str, node: Node
) -> None:
    snapshot = capture(run_snapshot, namespace)
    rows = 0
    for read in (of_processors, of_machine, of_system, of_storage):
        for path, expected in read(node).items():
            found = subtype(snapshot, *path.split(".")).data
            assert {key: plain(found.get(key)) for key in expected} == {
                key: plain(value) for key, value in expected.items()
            }, path
            rows += len(expected)
    assert rows >= 70
    mounts = subtype(snapshot, "OS", "mounts").data
    assert not [key for key in mounts if key.startswith(("/var/lib/kubelet/", "/proc", "/sys"))]
    # Without any privilege, but with the node's files, all of it can be read.
    without = capture(run_snapshot, namespace, "--privileged=host-read")
    for type_, names in (("Hardware", NAMES), ("OS", OWN)):
        for name in names:
            both = subtype(snapshot, type_, name), subtype(without, type_, name)
            assert both[0].data == both[1].data, name
            assert both[0].status == both[1].status in ("ok", "absent"), name


NAMES = ["cpu", "vulnerabilities", "memory", "identity", "virtualization", "iommu", "pcie", "nvme"]


def test_a_restricted_pod_says_of_each_part_why_it_is_unknown(
    run_snapshot: Run, restricted_namespace: str
) -> None:
    snapshot = capture(run_snapshot, restricted_namespace, "--privileged=false")
    unknown = [("Hardware", n) for n in NAMES if n != "identity"]
    # What the kernel says of itself to everyone.
    unknown += [("OS", name) for name in OWN if name not in ("kernel-config", "taint")]
    for type_, name in unknown:
        found = subtype(snapshot, type_, name)
        assert (found.data, found.status) == ({}, "unavailable"), name
        assert "--privileged=false" in found.context["reason"]
    assert [*subtype(snapshot, "Hardware", "identity").data] == ["boot-id"]
