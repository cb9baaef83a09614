"""The node's files, from recorded trees and from the kernel that runs the tests."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.errors import Absent, Internal, InvalidRequest, SnapshotError, Unavailable
from tests.unit.hosts import VM_UBUNTU, copy_host

NOBODY = 65534
LOCAL = HostPath()
UNPRIVILEGED = HostPath(None)
RELEASE = "/etc/os-release"


def skip_nothing(path: str) -> bool:
    return False


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_host(VM_UBUNTU, tmp_path)


@pytest.fixture
def unreadable_root() -> Iterator[Path]:
    """A tree whose proc/sys/kernel/printk only another user may read; this process is nobody."""
    is_root = os.geteuid() == 0
    top = Path(tempfile.mkdtemp())
    top.chmod(0o755)
    tree = copy_host(VM_UBUNTU, top)
    (tree / "proc/sys/kernel/printk").chmod(0o400 if is_root else 0o040)
    if is_root:
        os.seteuid(NOBODY)
    yield tree
    if is_root:
        os.seteuid(0)
    shutil.rmtree(top)


def replace_by_link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def test_a_file_is_read_below_the_root(root: Path) -> None:
    assert HostPath(str(root)).read_text("/proc/sys/vm/swappiness") == "60\n"


def test_an_absolute_link_stays_inside_the_root(root: Path) -> None:
    (root / "usr/lib/os-release").write_text("NAME=inside\n")
    replace_by_link(root / "etc/os-release", "/usr/lib/os-release")
    assert HostPath(str(root)).read_text(RELEASE) == "NAME=inside\n"


def test_a_relative_link_cannot_climb_out_of_the_root(root: Path) -> None:
    (root / "usr/lib/os-release").write_text("NAME=inside\n")
    replace_by_link(root / "etc/os-release", "../" * 40 + "usr/lib/os-release")
    assert HostPath(str(root)).read_text(RELEASE) == "NAME=inside\n"


def test_a_path_with_dots_cannot_climb_out_of_the_root(root: Path) -> None:
    assert HostPath(str(root)).read_text("/../../proc/./sys/vm/../vm/swappiness") == "60\n"


def test_a_directory_that_is_an_absolute_link_stays_inside_the_root(root: Path) -> None:
    (root / "run/current").mkdir(parents=True)
    (root / "run/current/os-release").write_text("NAME=inside\n")
    shutil.rmtree(root / "etc")
    (root / "etc").symlink_to("/run/current")
    assert HostPath(str(root)).read_text(RELEASE) == "NAME=inside\n"


def test_dots_after_a_linked_directory_are_the_parent_of_its_target(root: Path) -> None:
    (root / "run/current").mkdir(parents=True)
    (root / "run/mark").write_text("inside")
    (root / "etc/linked").symlink_to("/run/current")
    assert HostPath(str(root)).read_text("/etc/linked/../mark") == "inside"


def test_a_link_loop_is_an_error(root: Path) -> None:
    replace_by_link(root / "etc/os-release", "/etc/os-release")
    with pytest.raises(Internal, match="too many symbolic links"):
        HostPath(str(root)).read_bytes(RELEASE)


def test_a_link_without_a_target_is_absent(root: Path) -> None:
    replace_by_link(root / "etc/os-release", "/nowhere")
    with pytest.raises(Absent, match=RELEASE):
        HostPath(str(root)).read_bytes(RELEASE)


@pytest.mark.parametrize("path", ["/etc/missing", "/etc/os-release/below"])
def test_a_missing_file_is_absent_with_the_kernels_message(root: Path, path: str) -> None:
    with pytest.raises(Absent) as caught:
        HostPath(str(root)).read_bytes(path)
    assert path in caught.value.what
    assert caught.value.why in ("No such file or directory", "Not a directory")


def test_an_empty_path_is_an_invalid_request() -> None:
    with pytest.raises(InvalidRequest):
        LOCAL.read_bytes("")


def test_a_pipe_is_refused_without_waiting_for_a_writer(root: Path) -> None:
    (root / "etc/os-release").unlink()
    os.mkfifo(root / "etc/os-release")
    with pytest.raises(Internal, match="not a regular file"):
        HostPath(str(root)).read_bytes(RELEASE)


@pytest.mark.parametrize("path", ["a\0b", "/etc/\ud800"])
def test_a_text_that_is_no_path_is_an_invalid_request(path: str) -> None:
    for read in (LOCAL.read_bytes, LOCAL.read_names, LOCAL.resolve):
        with pytest.raises(InvalidRequest, match="is not a path"):
            read(path)


def test_a_file_that_a_link_to_dev_null_masks_is_empty(root: Path) -> None:
    (root / "etc/masked.conf").symlink_to("/dev/null")
    (root / "etc/other.conf").symlink_to("/etc/dev/null")
    assert not (root / "dev").exists()
    assert HostPath(str(root)).read_bytes("/etc/masked.conf") == b""
    assert LOCAL.read_bytes("/dev/null") == b""
    with pytest.raises(Absent):
        HostPath(str(root)).read_bytes("/etc/other.conf")


@pytest.mark.parametrize("path", ["/dev/zero", "/etc"])
def test_devices_and_directories_are_refused(path: str) -> None:
    with pytest.raises(Internal, match="not a regular file"):
        LOCAL.read_bytes(path)


@pytest.mark.parametrize("path", ["/proc/cmdline", "/sys/kernel/notes"])
def test_files_of_an_empty_proc_or_sys_are_unavailable_not_absent(root: Path, path: str) -> None:
    for mount in ("proc", "sys"):
        shutil.rmtree(root / mount)
        (root / mount).mkdir()
    with pytest.raises(Unavailable, match="is not visible from here"):
        HostPath(str(root)).read_bytes(path)


def test_files_of_a_root_that_is_not_mounted_are_unavailable_not_absent(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="is not visible from here"):
        HostPath(str(tmp_path / "host")).read_bytes(RELEASE)


@pytest.mark.parametrize("size_bytes", [0, 1, 16_383, 16_384, 16_385, 40_000])
def test_a_file_of_exactly_the_limit_is_read_whole(root: Path, size_bytes: int) -> None:
    (root / "etc/file").write_bytes(b"x" * size_bytes)
    assert HostPath(str(root)).read_bytes("/etc/file", size_bytes) == b"x" * size_bytes


@pytest.mark.parametrize("limit_bytes", [0, 1, 16_384, 39_999])
def test_a_file_over_the_limit_is_refused(root: Path, limit_bytes: int) -> None:
    (root / "etc/file").write_bytes(b"x" * (limit_bytes + 1))
    with pytest.raises(InvalidRequest, match=f"larger than {limit_bytes} bytes"):
        HostPath(str(root)).read_bytes("/etc/file", limit_bytes)


def test_text_that_is_not_utf_8_is_refused(root: Path) -> None:
    (root / "etc/file").write_bytes(b"\xff")
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        HostPath(str(root)).read_text("/etc/file")


def test_a_file_of_the_kernel_is_read_to_its_end() -> None:
    path = Path("/proc/kallsyms")
    before = found = b""
    for _ in range(20):  # a BPF program that comes or goes changes the file
        before, found = path.read_bytes(), LOCAL.read_bytes(str(path), 1 << 30)
        if before == path.read_bytes():
            break
    assert len(before) > 1 << 20
    assert found == before


def test_without_the_nodes_files_proc_can_still_be_read() -> None:
    assert UNPRIVILEGED.read_bytes("/proc/cmdline") == Path("/proc/cmdline").read_bytes()


@pytest.mark.parametrize(
    "path", [RELEASE, "/sys/kernel/notes", "/proc/../etc/os-release", "/proc/self/root/etc/passwd"]
)
def test_without_the_nodes_files_the_containers_files_are_not_read(path: str) -> None:
    with pytest.raises(Unavailable, match="is not visible from here"):
        UNPRIVILEGED.read_bytes(path)


def test_namespaces_not_shared_with_the_node_are_foreign() -> None:
    assert LOCAL.foreign_namespaces == ()
    assert HostPath("/host", shares_pid=False).foreign_namespaces == ("pid",)
    restricted = HostPath(None, shares_network=False, shares_ipc=False, shares_pid=False)
    assert restricted.foreign_namespaces == ("ipc", "uts", "pid")
    assert HostPath("/host", shares_user=False).foreign_namespaces == ("user",)


def test_a_tree_is_its_regular_files_in_name_order(root: Path) -> None:
    (root / "proc/sys/vm/link").symlink_to("swappiness")
    os.mkfifo(root / "proc/sys/vm/pipe")
    paths = [*HostPath(str(root)).read_tree("/proc/sys", skip_nothing)]
    files = (root / "proc/sys").rglob("*")
    expected = ["/" + str(f.relative_to(root)) for f in files if f.is_file() and not f.is_symlink()]
    assert sorted(paths) == sorted(expected)
    assert [path.split("/") for path in paths] == sorted(path.split("/") for path in expected)


def test_skipped_paths_are_not_opened(root: Path) -> None:
    def remove_and_skip(path: str) -> bool:
        if path == "/proc/sys/net":
            shutil.rmtree(root / "proc/sys/net")  # opening it now would leave an error
        return path == "/proc/sys/net"

    found = HostPath(str(root)).read_tree("/proc/sys", remove_and_skip)
    assert not [path for path in found if path.startswith("/proc/sys/net")]
    assert found["/proc/sys/vm/swappiness"] == b"60\n"


def test_files_that_vanish_during_the_walk_are_absent(root: Path) -> None:
    def remove_then_read(path: str) -> bool:
        if path == "/proc/sys/vm/swappiness":
            (root / "proc/sys/vm/swappiness").unlink()
        if path == "/proc/sys/user":
            shutil.rmtree(root / "proc/sys/user")
        return False

    found = HostPath(str(root)).read_tree("/proc/sys", remove_then_read)
    assert isinstance(found["/proc/sys/vm/swappiness"], Absent)
    assert isinstance(found["/proc/sys/user"], Absent)
    assert found["/proc/sys/vm/zone_reclaim_mode"] == b"0\n"


def test_a_file_that_becomes_a_link_during_the_walk_is_not_followed(root: Path) -> None:
    outside = root.parent / "outside"
    outside.write_text("another machine's\n")

    def replace_then_read(path: str) -> bool:
        if path == "/proc/sys/vm/swappiness":
            replace_by_link(root / "proc/sys/vm/swappiness", str(outside))
        return False

    found = HostPath(str(root)).read_tree("/proc/sys/vm", replace_then_read)
    assert isinstance(found["/proc/sys/vm/swappiness"], Internal)
    assert found["/proc/sys/vm/zone_reclaim_mode"] == b"0\n"


def test_a_file_that_becomes_a_pipe_during_the_walk_is_not_waited_for(root: Path) -> None:
    pipe = root / "proc/sys/vm/swappiness"

    def replace_then_read(path: str) -> bool:
        if path == "/proc/sys/vm/swappiness":
            pipe.unlink()
            os.mkfifo(pipe)
        return False

    # A writer that comes late ends an open that waits, so that the test fails and does not hang.
    writer = threading.Timer(2, lambda: os.close(os.open(pipe, os.O_RDWR)))
    writer.daemon = True
    writer.start()
    before = time.monotonic()
    found = HostPath(str(root)).read_tree("/proc/sys/vm", replace_then_read)
    assert time.monotonic() - before < 1.5
    writer.cancel()
    assert found["/proc/sys/vm/swappiness"] == b""


READ_TREE = """
import sys
from kubectl_snapshot.clients.host.hostpath import HostPath
found = HostPath().read_tree(sys.argv[1], lambda path: False)
print(*(path.rpartition("/")[2] for path in found), *map(str, found.values()), sep="|")
"""


@pytest.fixture
def automount(tmp_path: Path) -> Iterator[Path]:
    """A directory with a file, and an automount point whose daemon never answers."""
    if os.geteuid() != 0 or "autofs" not in Path("/proc/filesystems").read_text():
        pytest.skip("mounting autofs needs root and the kernel's autofs")
    point = tmp_path / "automount"
    point.mkdir()
    (tmp_path / "file").write_text("1")
    libc = ctypes.CDLL(None, use_errno=True)
    reader, writer = os.pipe()
    # The daemon's process group: processes of another one trigger the mount.
    daemon = subprocess.Popen(["sleep", "60"], start_new_session=True)
    options = f"fd={writer},pgrp={daemon.pid},minproto=5,maxproto=5,direct".encode()
    failed = libc.mount(b"test", os.fsencode(point), b"autofs", 0, options)
    assert not failed, os.strerror(ctypes.get_errno())
    yield tmp_path
    os.close(reader)
    os.close(writer)
    libc.umount2(os.fsencode(point), 2)
    daemon.kill()
    daemon.wait()


def test_an_automount_point_is_not_entered(automount: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", READ_TREE, automount], stdout=subprocess.PIPE, text=True
    ) as walk:
        try:
            found, _ = walk.communicate(timeout=20)
        finally:
            walk.kill()
    assert found.startswith("automount|file|[NOT_FOUND]"), found
    assert "/automount of the node is not mounted" in found


def test_a_mounted_directory_is_read(automount: Path) -> None:
    point = os.fsencode(automount / "automount")
    libc = ctypes.CDLL(None)
    assert libc.mount(b"test", point, b"tmpfs", 0, None) == 0
    (automount / "automount/inside").write_text("2")
    try:
        found = HostPath().read_tree(str(automount), lambda path: False)
    finally:
        libc.umount2(point, 2)
    assert list(found.values()) == [b"2", b"1"]


def test_a_write_only_entry_is_absent() -> None:
    drop_caches = LOCAL.read_tree("/proc/sys/vm", lambda path: not path.endswith("/drop_caches"))
    assert isinstance(drop_caches["/proc/sys/vm/drop_caches"], Absent)


def test_an_entry_that_only_another_user_may_read_is_unavailable(unreadable_root: Path) -> None:
    found = HostPath(str(unreadable_root)).read_tree("/proc/sys/kernel", skip_nothing)
    assert isinstance(found["/proc/sys/kernel/printk"], Unavailable)
    assert found["/proc/sys/kernel/panic"] == b"0\n"


def test_a_file_that_only_another_user_may_read_is_unavailable(unreadable_root: Path) -> None:
    with pytest.raises(Unavailable, match="Permission denied"):
        HostPath(str(unreadable_root)).read_bytes("/proc/sys/kernel/printk")


def test_an_entry_over_the_limit_has_its_error_as_content(root: Path) -> None:
    (root / "proc/sys/vm/large").write_bytes(b"x" * (1_048_576 + 1))
    found = HostPath(str(root)).read_tree("/proc/sys/vm", skip_nothing)
    assert isinstance(found["/proc/sys/vm/large"], InvalidRequest)


def test_a_name_that_is_not_utf_8_is_escaped(root: Path) -> None:
    Path(os.fsdecode(bytes(root) + b"/proc/sys/vm/\xff")).write_text("1")
    assert HostPath(str(root)).read_tree("/proc/sys/vm", skip_nothing)["/proc/sys/vm/\\xff"] == b"1"


def test_a_missing_tree_is_absent(root: Path) -> None:
    with pytest.raises(Absent):
        HostPath(str(root)).read_tree("/proc/sys/missing", skip_nothing)


def test_a_walk_leaves_no_descriptor_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    HostPath(str(root)).read_tree("/proc/sys", skip_nothing)
    with pytest.raises(SnapshotError):
        HostPath(str(root)).read_bytes("/proc/sys/kernel/version", max_bytes=1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_is_resolved_to_its_path_in_this_file_system(root: Path) -> None:
    replace_by_link(root / "etc/os-release", "/usr/lib/os-release")
    found = HostPath(str(root)).resolve_file(RELEASE)
    assert found == str(root / "usr/lib/os-release")
    with pytest.raises(Internal, match="not a regular file"):
        HostPath(str(root)).resolve_file("/etc")
    with pytest.raises(Absent):
        HostPath(str(root)).resolve_file("/etc/missing")


def test_names_of_a_directory_are_sorted(root: Path) -> None:
    (root / "etc/a").touch()
    assert HostPath(str(root)).read_names("/etc")[0] == "a"
    with pytest.raises(Absent):
        HostPath(str(root)).read_names("/missing")
    with pytest.raises(Unavailable):
        UNPRIVILEGED.read_names("/etc")


def test_the_name_of_a_links_target_is_read_without_following_it(root: Path) -> None:
    (root / "etc/driver").symlink_to("../../bus/pci/drivers/nvidia")
    assert HostPath(str(root)).read_link_name("/etc/driver") == "nvidia"
    assert HostPath(str(root)).read_link_name("/etc/missing") == ""


def test_a_directory_of_the_node_can_be_the_root(root: Path) -> None:
    below = root / "run/driver"
    (below / "usr").mkdir(parents=True)
    (below / "usr/version").write_text("1\n")
    (below / "link").symlink_to("/usr/version")
    assert HostPath(str(root)).with_root("/run/driver").read_text("/link") == "1\n"


def test_values_of_a_directory_are_read_without_those_that_have_none(tmp_path: Path) -> None:
    card = tmp_path / "sys/class/net/eth0"
    card.mkdir(parents=True)
    (card / "mtu").write_text(" 1500\n")
    (card / "ifalias").write_bytes(b"x\xff\n")
    (card / "meminfo").write_text("y" * 5000)
    (card / "full").write_text("z" * 4095)
    host = HostPath(str(tmp_path))
    names = ("mtu", "speed", "ifalias", "meminfo", "full", "device/mtu")
    assert host.read_values("/sys/class/net/eth0", names) == {
        "mtu": "1500",
        "ifalias": "x\\xff",
        "meminfo": "y" * 4096,
        "full": "z" * 4095,
    }
    # A file in place of a directory, as bonding_masters.
    assert host.read_values("/sys/class/net/eth0/mtu", ("a",)) == {}
    with pytest.raises(Absent):
        host.read_values("/sys/class/net/eth1", ("mtu",))


@pytest.mark.parametrize("name", ["device", "master", "pipe", "loop"])
def test_a_value_that_is_no_file_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "device").mkdir()
    (tmp_path / "master").symlink_to("mtu")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Internal, match=f"/{name} of the node is not a regular file"):
        HostPath(str(tmp_path)).read_values("/", ("mtu", name))


def test_a_value_of_more_than_a_page_is_told(tmp_path: Path) -> None:
    (tmp_path / "big").write_text("y" * 4096)
    with pytest.raises(InvalidRequest, match="/big of the node is too large"):
        HostPath(str(tmp_path)).read_values("/", ("big",))


def test_a_resolved_path_is_the_nodes(tmp_path: Path) -> None:
    (tmp_path / "sys/class").mkdir(parents=True)
    (tmp_path / "sys/class/eth0").symlink_to("/sys/devices/pci0000:00/eth0")
    for root in (str(tmp_path), f"{tmp_path}/"):
        assert HostPath(root).resolve("/sys/class/eth0/mtu") == "/sys/devices/pci0000:00/eth0/mtu"
    assert HostPath("/").resolve("/proc/version") == "/proc/version"


def test_a_device_is_opened_by_its_numbers_only() -> None:
    descriptor = HostPath().open_device("/dev/null", 1, 3)
    try:
        assert os.read(descriptor, 1) == b""
        assert not os.get_blocking(descriptor)
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)
    with pytest.raises(Internal, match="is not the device 1:11"):
        HostPath().open_device("/dev/null", 1, 11)
    with pytest.raises(Unavailable):
        HostPath(None).open_device("/dev/null", 1, 3)


def test_names_can_be_chosen_by_their_beginnings(tmp_path: Path) -> None:
    for name in ("libb", "liba", "la", "lib"):
        (tmp_path / name).touch()
    assert HostPath().read_names(str(tmp_path), ("lib", "x")) == ("lib", "liba", "libb")
