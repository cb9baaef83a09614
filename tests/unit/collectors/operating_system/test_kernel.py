"""The kernel's configuration, its taint and its live patches."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.kernel import (
    CONFIG_FILES,
    MAX_CONFIG_BYTES,
    OPTIONS,
    parse_config,
    parse_taint,
    read_config,
    read_livepatch,
    read_taint,
)
from kubectl_snapshot.errors import Absent, Internal, InvalidRequest
from tests.unit.hosts import write_files

CONFIG = b"""\
CONFIG_NUMA=y
CONFIG_HZ=250
CONFIG_HZ_1000=y
CONFIG_INFINIBAND=m
# CONFIG_PREEMPT is not set
# CONFIG_PREEMPT_RT is not set
CONFIG_LSM="lockdown,yama"
# CONFIG_HUGETLBFS is set by the distribution
CONFIG_SOUND=y
"""
FOUND = {
    "NUMA": "y",
    "HZ": "250",
    "INFINIBAND": "m",
    "PREEMPT": "n",
    "PREEMPT_RT": "n",
    "LSM": "lockdown,yama",
}


def test_options_of_the_allow_list_as_they_are_set() -> None:
    assert parse_config(CONFIG) == FOUND
    assert parse_config(b"") == {}
    assert len(set(OPTIONS)) == len(OPTIONS)


def test_the_running_kernel_comes_before_files(tmp_path: Path) -> None:
    write_files(tmp_path / "proc/sys/kernel", {"osrelease": "6.8.0-86-generic"})
    host = HostPath(str(tmp_path))
    with pytest.raises(Absent, match=r"is not on the node") as caught:
        read_config(host)
    assert "/boot/config-6.8.0-86-generic" in caught.value.why
    for number, path in enumerate(reversed(CONFIG_FILES)):
        file = path.format("6.8.0-86-generic").lstrip("/")
        write_files(tmp_path, {file: f"CONFIG_HZ={number}"})
        assert read_config(host).data == {"HZ": str(number)}
    write_files(tmp_path / "proc", {"config.gz": gzip.compress(CONFIG)})
    assert read_config(host).data == FOUND


def test_a_compressed_configuration_that_is_none_or_endless(tmp_path: Path) -> None:
    host = HostPath(str(tmp_path))
    write_files(tmp_path / "proc", {"config.gz": b"not gzip"})
    with pytest.raises(Internal, match=r"cannot unpack /proc/config\.gz"):
        read_config(host)
    bomb = CONFIG + b"\n" * MAX_CONFIG_BYTES + b"CONFIG_MEMCG=y\n"
    write_files(tmp_path / "proc", {"config.gz": gzip.compress(bomb)})
    assert read_config(host).data == FOUND


def test_a_taint_is_told_in_words() -> None:
    assert parse_taint("0\n") == {}
    assert [*parse_taint(str(1 << 0 | 1 << 12 | 1 << 13))] == [
        *("proprietary-module", "out-of-tree-module", "unsigned-module")
    ]
    # The kernel's own table: P F S R M B U D A W C I O E L K X T N J.
    by_bit = {4: "machine-check", 7: "oops", 9: "warning", 14: "soft-lockup", 15: "live-patched"}
    for bit, name in {**by_bit, 18: "in-kernel-test", 19: "fwctl", 20: "bit-20"}.items():
        assert parse_taint(str(1 << bit)) == {name: True}
    assert parse_taint(str(1 << 63)) == {"bit-63": True}


@pytest.mark.parametrize("text", ["", "x", "-1", "1_0", "²", "0x1", str(1 << 64), "9" * 5000])
def test_a_text_that_is_no_mask_is_refused(text: str) -> None:
    assert len(parse_taint(str((1 << 64) - 1))) == 64
    with pytest.raises(InvalidRequest, match="/proc/sys/kernel/tainted of the node"):
        parse_taint(text)


def test_modules_that_cannot_be_read_leave_the_mask(tmp_path: Path) -> None:
    write_files(tmp_path / "proc", {"sys/kernel/tainted": "1", "modules": b"\xff"})
    found = read_taint(HostPath(str(tmp_path)))
    assert (found.data, found.status) == ({"proprietary-module": True}, "partial")
    assert "/proc/modules of the node is not UTF-8" in found.context["reason"]


def test_modules_that_taint_have_their_letters(tmp_path: Path) -> None:
    modules = "nvidia 11 2 a,b, Live 0x0 (POE)\next4 1 0 - Live 0x0\nzfs 1 0 - Loading 0x0 (PO+)"
    write_files(tmp_path / "proc", {"sys/kernel/tainted": "1", "modules": modules})
    host = HostPath(str(tmp_path))
    words = {"proprietary-module": True}
    assert read_taint(host).data == {**words, "module.nvidia": "POE", "module.zfs": "PO"}
    (tmp_path / "proc/modules").unlink()  # a kernel without modules
    assert read_taint(host).data == words


def test_live_patches(tmp_path: Path) -> None:
    patches = tmp_path / "sys/kernel/livepatch"
    patches.mkdir(parents=True)
    host = HostPath(str(tmp_path))
    with pytest.raises(Absent, match="no live patch"):
        read_livepatch(host)
    write_files(patches / "livepatch_113", {"enabled": "1", "transition": "0"})
    write_files(patches / "livepatch_114", {"enabled": "x"})
    assert read_livepatch(host).data == {
        "livepatch_113.enabled": True,
        "livepatch_113.transition": False,
    }
