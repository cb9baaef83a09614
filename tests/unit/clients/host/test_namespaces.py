"""The evidence of shared namespaces, on synthetic trees and on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.clients.host.namespaces import WHOLE_MAP, locate_node

NAMES = ("uts", "ipc", "pid", "user")
FIELDS = {name: f"shares_{'network' if name == 'uts' else name}" for name in NAMES}


def link_namespaces(root: Path, process: str, numbers: Mapping[str, int]) -> None:
    directory = root / "proc" / process / "ns"
    directory.mkdir(parents=True, exist_ok=True)
    for name, number in numbers.items():
        (directory / name).symlink_to(f"{name}:[{number}]")


def shared(host: HostPath) -> list[str]:
    return [name for name, field in FIELDS.items() if getattr(host, field)]


@pytest.mark.parametrize("lost", [*NAMES, ""])
def test_readable_links_decide(tmp_path: Path, lost: str) -> None:
    node, own = tmp_path / "node", tmp_path / "own"
    link_namespaces(node, "1", dict.fromkeys(NAMES, 1))
    link_namespaces(own, "self", {name: 2 if name == lost else 1 for name in NAMES})
    host = locate_node(str(node), str(own))
    assert host.root == str(node)
    assert shared(host) == [name for name in NAMES if name != lost]


def write(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_without_readable_links_other_evidence_decides(tmp_path: Path) -> None:
    node, own = tmp_path / "node", tmp_path / "own"
    network = write(node, "proc/1/net/dev", "")
    write(own, "proc/self/net/other", "")
    (own / "proc/self/net/dev").hardlink_to(network)
    shm = write(node, "dev/shm", "")
    (own / "dev").mkdir()
    (own / "dev/shm").hardlink_to(shm)
    write(node, "proc/self/status", "Name:\tx\nNSpid:\t17\nNSpgid:\t1\t1\n")
    write(own, "proc/self/uid_map", "   0   0 4294967295\n")
    assert shared(locate_node(str(node), str(own))) == list(NAMES)


def test_evidence_of_other_namespaces(tmp_path: Path) -> None:
    node, own = tmp_path / "node", tmp_path / "own"
    write(node, "proc/1/net/dev", "")
    write(own, "proc/self/net/dev", "")
    write(node, "dev/shm", "")
    write(own, "dev/shm", "")
    write(node, "proc/self/status", "NSpid:\t17\t1\n")
    write(own, "proc/self/uid_map", "   0   100000 65536\n")
    assert shared(locate_node(str(node), str(own))) == []


def test_one_inode_of_two_file_systems_is_no_shared_memory(tmp_path: Path) -> None:
    # The root of every tmpfs, procfs and sysfs has the same number.
    node, own = tmp_path / "node", tmp_path / "own"
    for root, other in ((node, "/proc"), (own, "/sys")):
        (root / "dev").mkdir(parents=True)
        (root / "dev/shm").symlink_to(other)
    left, right = (node / "dev/shm").stat(), (own / "dev/shm").stat()
    assert left.st_ino == right.st_ino and left.st_dev != right.st_dev
    assert not locate_node(str(node), str(own)).shares_ipc


def test_the_network_of_different_mounts_of_procfs_is_one(tmp_path: Path) -> None:
    node, own = tmp_path / "node", tmp_path / "own"
    for root, path, other in (
        (node, "proc/1/net/dev", "/proc"),
        (own, "proc/self/net/dev", "/sys"),
    ):
        (root / path).parent.mkdir(parents=True)
        (root / path).symlink_to(other)
    assert locate_node(str(node), str(own)).shares_network


def test_without_any_evidence_nothing_is_shared(tmp_path: Path) -> None:
    assert shared(locate_node(str(tmp_path), str(tmp_path / "own"))) == []


def test_without_the_nodes_root_only_the_user_namespace_can_be_the_nodes(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/uid_map", " ".join(WHOLE_MAP))
    # The first process that a pod sees is its own: it proves nothing.
    link_namespaces(tmp_path, "self", dict.fromkeys(NAMES[:3], 1))
    host = locate_node("", str(tmp_path))
    assert (host.root, shared(host)) == (None, ["user"])


def test_this_process_shares_its_own_namespaces() -> None:
    assert shared(locate_node("/")) == list(NAMES)
