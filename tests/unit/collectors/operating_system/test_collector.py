"""What the OS collector makes of a whole host tree, and what a missing file costs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system import collector as operating_system
from kubectl_snapshot.collectors.operating_system.grub import parse_command_line
from kubectl_snapshot.collectors.operating_system.kmod import parse_modules
from kubectl_snapshot.collectors.operating_system.release import parse_release
from kubectl_snapshot.collectors.operating_system.sysctl import parse_entries
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import SnapshotError
from tests.unit.golden import check_golden
from tests.unit.hosts import VM_UBUNTU

NAMES = operating_system.choose_subtypes(Context(HostPath(None)))
# What the tree has files of: AICR's, and the settings of the network.
FROM_TREE = [module.SPEC.name for module in operating_system.MODULES]
TEXTS = st.one_of(st.text(), st.binary(), st.text(alphabet=" \t\n#=\"'ab\x1c\x85\u00a0\x00"))


def collect(host: HostPath) -> dict[str, Subtype]:
    return {subtype.name: subtype for subtype in operating_system.collect(Context(host))}


def test_a_host_tree_gives_the_whole_measurement() -> None:
    found = collect(HostPath(str(VM_UBUNTU)))
    artefact = {
        name: {"data": dict(sorted(found[name].data.items())), "context": found[name].context}
        for name in NAMES
    }
    check_golden("collectors/os-vm-ubuntu.json", artefact)
    assert {found[name].status for name in FROM_TREE} == {"ok"}
    assert {subtype.status for subtype in found.values()} == {"ok", "absent"}


def test_all_declared_subtypes_are_filled_and_sysctl_is_read_last() -> None:
    names = [s.name for s in operating_system.collect(Context(HostPath(str(VM_UBUNTU))))]
    assert sorted(names) == sorted(NAMES)
    assert names[-4:] == ["sysctl", "sysctl-net", "mounts", "filesystems"]


def test_every_value_is_text_but_for_modules() -> None:
    found = collect(HostPath(str(VM_UBUNTU)))
    for name, subtype in ((name, found[name]) for name in FROM_TREE):
        kind = bool if name == "kmod" else str
        assert subtype.data, name
        assert {type(value) for value in subtype.data.values()} == {kind}


@pytest.mark.parametrize(
    ("gone", "name"),
    [("proc/cmdline", "grub"), ("proc/modules", "kmod"), ("usr/lib/os-release", "release")],
)
def test_a_missing_file_costs_its_own_subtype_only(root: Path, gone: str, name: str) -> None:
    (root / gone).unlink()
    found = collect(HostPath(str(root)))
    assert {n for n in FROM_TREE if found[n].status != "ok"} == {name}
    assert found[name].status == "absent"


def test_an_unreadable_file_costs_its_own_subtype_and_says_why(root: Path) -> None:
    (root / "proc/modules").unlink()
    os.mkfifo(root / "proc/modules")
    found = collect(HostPath(str(root)))
    kmod = found["kmod"]
    assert (kmod.data, kmod.status) == ({}, "error")
    assert kmod.context["reason"] == "/proc/modules of the node is not a regular file"
    assert {name for name in FROM_TREE if found[name].status != "ok"} == {"kmod"}


def test_a_release_file_that_cannot_be_read_is_not_replaced_by_the_second(root: Path) -> None:
    release = root / "etc/os-release"
    release.unlink()
    release.symlink_to("os-release")  # a loop: it is there, and cannot be read
    found = collect(HostPath(str(root)))["release"]
    assert (found.data, found.status) == ({}, "error")
    assert "/etc/os-release" in found.context["reason"]
    release.unlink()
    release.write_bytes(b"\xff")
    broken = collect(HostPath(str(root)))["release"]
    assert broken.status == "error"
    assert broken.context["reason"].startswith("/etc/os-release of the node is not UTF-8")


def test_without_the_nodes_files_the_kernel_still_tells_and_the_release_does_not() -> None:
    found = collect(HostPath(None, shares_network=False, shares_ipc=False, shares_pid=False))
    assert found["grub"].data
    assert found["sysctl"].data["/proc/sys/kernel/osrelease"] == os.uname().release
    assert "/proc/sys/kernel/hostname" not in found["sysctl"].data
    release = found["release"]
    assert (release.data, release.status) == ({}, "unavailable")
    assert "--privileged=false" in release.context["reason"]


@given(TEXTS)
def test_any_bytes_give_readings_or_an_error(content: str | bytes) -> None:
    for parse in (parse_command_line, parse_modules, parse_release):
        try:
            data = parse(content)
        except SnapshotError:
            continue
        assert all(isinstance(key, str) for key in data)
    try:
        entries = parse_entries("p", content)
    except SnapshotError:
        return
    assert entries
    assert all(key == "p" or key.startswith("p/") for key, _ in entries)
