"""What the OS collector makes of a whole host tree, and of each way a tree can be odd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system import collector as operating_system
from kubectl_snapshot.collectors.operating_system import sysctl
from kubectl_snapshot.collectors.operating_system.grub import (
    parse_command_line,
    parse_lost_parameters,
)
from kubectl_snapshot.collectors.operating_system.kmod import parse_modules
from kubectl_snapshot.collectors.operating_system.release import parse_release
from kubectl_snapshot.collectors.operating_system.sysctl import parse_entries
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import SnapshotError
from tests.unit.golden import check_golden
from tests.unit.hosts import VM_UBUNTU, copy_host

NAMES = [spec.name for spec in operating_system.SUBTYPES]
TEXTS = st.one_of(st.text(), st.binary(), st.text(alphabet=" \t\n#=\"'ab\x1c\x85\u00a0\x00"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_host(VM_UBUNTU, tmp_path)


def collect(host: HostPath) -> dict[str, Subtype]:
    return {subtype.name: subtype for subtype in operating_system.collect(Context(host))}


def write_sysctl(root: Path, name: str, content: str | bytes) -> None:
    path = root / "proc/sys" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_a_host_tree_gives_the_whole_measurement() -> None:
    found = collect(HostPath(str(VM_UBUNTU)))
    artefact = {
        name: {"data": dict(sorted(found[name].data.items())), "context": found[name].context}
        for name in NAMES
    }
    check_golden("collectors/os-vm-ubuntu.json", artefact)
    assert {subtype.status for subtype in found.values()} == {"ok"}


def test_all_declared_subtypes_are_filled_and_sysctl_is_read_last() -> None:
    names = [s.name for s in operating_system.collect(Context(HostPath(str(VM_UBUNTU))))]
    assert sorted(names) == sorted(NAMES)
    assert names[-1] == "sysctl"


def test_every_value_is_text_but_for_modules() -> None:
    for name, subtype in collect(HostPath(str(VM_UBUNTU))).items():
        kind = bool if name == "kmod" else str
        assert subtype.data, name
        assert {type(value) for value in subtype.data.values()} == {kind}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "BOOT_IMAGE=/vmlinuz root=UUID=ab ro quiet",
            {"BOOT_IMAGE": "/vmlinuz", "ro": "", "quiet": ""},
        ),
        ("console=tty0 console=ttyS0,115200", {"console": "ttyS0,115200"}),
        ("foo.bar=1=2", {"foo.bar": "1=2"}),
        ('x="a b"', {"x": '"a', 'b"': ""}),
        ("a=1\tb=2 c\n", {"a": "1\tb=2", "c": ""}),
        ("#a=1 b#=2 rootfstype=ext4 root", {"b#": "2", "rootfstype": "ext4"}),
        ("", {}),
    ],
)
def test_a_kernel_command_line_is_parted_at_blanks_only(
    line: str, expected: dict[str, str]
) -> None:
    assert parse_command_line(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=1 b=2 a=3 a", {"repeated.a": "1 3 "}),
        ('x="a  b" y="c"', {"quoted.x": "a  b"}),
        ('"x=a b" y=1', {"quoted.x": "a b"}),
        ('x="a b" x=c', {"repeated.x": "a b c", "quoted.x": "a b"}),
        ('x="a b', {"quoted.x": "a b"}),
        ("root=1 root=2 #a #a a=1\n", {}),
        ('root="a b"', {}),
    ],
)
def test_what_the_rules_of_the_command_line_lose_is_kept_apart(
    line: str, expected: dict[str, str]
) -> None:
    assert parse_lost_parameters(line) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", {}),
        ("nvidia 56623104 2 nvidia_uvm, Live 0x0 (POE)\n", {"nvidia": True}),
        ("\tnvidia\u00a01\n\n# c\nnvidia 2\n", {"nvidia": True}),
    ],
)
def test_modules_are_the_first_words_of_the_lines(content: str, expected: dict[str, bool]) -> None:
    assert parse_modules(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('VERSION_ID="24.04"', {"VERSION_ID": "24.04"}),
        ("NAME='Red Hat Enterprise Linux'", {"NAME": "Red Hat Enterprise Linux"}),
        (' A = "x=y" ', {"A": "x=y"}),
        ("VARIANT=\nVARIANT2=''", {}),
        ("not a pair", {}),
        ("#COMMENT=1", {}),
        ("A=1\nA=2", {"A": "2"}),
        (r'A="a \"b\""', {"A": r"a \"b\\"[:-1]}),
    ],
)
def test_a_release_file_is_unquoted_but_not_unescaped(
    content: str, expected: dict[str, str]
) -> None:
    assert parse_release(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", [("p", "")]),
        (" \t\n ", [("p", "")]),
        ("4\t4\t1\t7\n", [("p", "4\t4\t1\t7")]),
        ("x y\n", [("p", "x y")]),
        ("tcp 1048576\nudp  32768 9\n", [("p/tcp", "1048576"), ("p/udp", "32768 9")]),
        ("x 1\nx 2\n", [("p/x", "1"), ("p/x", "2")]),
        ("enabled\ninterpreter /x\n", [("p", "enabled\ninterpreter /x")]),
        ("# c\n5\n", [("p", "5")]),
        ("a b\n\n#\n", [("p", "a b")]),
    ],
)
def test_a_sysctl_file_is_an_entry_or_a_table(
    content: str, expected: list[tuple[str, str]]
) -> None:
    assert parse_entries("p", content) == expected


def test_network_and_cdrom_settings_are_left_out_by_prefix(root: Path) -> None:
    write_sysctl(root, "netfilter/x", "1")
    write_sysctl(root, "kernel/net", "1")
    data = sysctl.read(HostPath(str(root))).data
    assert not [key for key in data if key.startswith(("/proc/sys/net", "/proc/sys/dev/cdrom"))]
    assert data["/proc/sys/kernel/net"] == "1"


def test_of_a_repeated_first_word_the_last_counts_and_all_are_kept(root: Path) -> None:
    write_sysctl(root, "sunrpc/transports", "tcp 1\nudp 2\ntcp 3\n")
    subtype = sysctl.read(HostPath(str(root)))
    assert subtype.data["/proc/sys/sunrpc/transports/tcp"] == "3"
    assert subtype.context["repeated./proc/sys/sunrpc/transports/tcp"] == "1\n3"
    assert subtype.status == "ok"


def test_a_kernel_version_that_looks_like_a_comment_is_not_lost(root: Path) -> None:
    write_sysctl(root, "kernel/version", "#87-Ubuntu SMP\n")
    subtype = sysctl.read(HostPath(str(root)))
    assert subtype.data["/proc/sys/kernel/version"] == ""
    assert subtype.context["comment./proc/sys/kernel/version"] == "#87-Ubuntu SMP"


@pytest.mark.parametrize("content", [b"\xff\n", b"x" * 1_048_577])
def test_an_entry_that_is_no_text_is_left_out_and_named(root: Path, content: bytes) -> None:
    write_sysctl(root, "vm/odd", content)
    subtype = sysctl.read(HostPath(str(root)))
    assert "/proc/sys/vm/odd" not in subtype.data
    assert subtype.context == {
        "comment./proc/sys/kernel/version": subtype.context["comment./proc/sys/kernel/version"],
        "unreadable": "/proc/sys/vm/odd",
    }


def test_many_unreadable_entries_are_named_up_to_a_hundred(root: Path) -> None:
    for number in range(150):
        write_sysctl(root, f"vm/odd{number:03}", b"\xff")
    named = sysctl.read(HostPath(str(root))).context["unreadable"]
    assert named.startswith("/proc/sys/vm/odd000,/proc/sys/vm/odd001,")
    assert named.endswith("/proc/sys/vm/odd099 (+50 more)")


def test_a_pipe_in_the_tree_is_no_setting_and_does_not_hang(root: Path) -> None:
    before = sysctl.read(HostPath(str(root)))
    os.mkfifo(root / "proc/sys/vm/pipe")
    assert sysctl.read(HostPath(str(root))) == before


def test_settings_of_foreign_namespaces_are_left_out_and_named() -> None:
    whole = sysctl.read(HostPath(str(VM_UBUNTU)))
    pod = HostPath(str(VM_UBUNTU), shares_network=False, shares_ipc=False, shares_pid=False)
    subtype = sysctl.read(pod)
    missing = sorted(key.replace("/proc/sys/", "") for key in set(whole.data) - set(subtype.data))
    assert missing == [
        "fs/mqueue/msg_default",
        "fs/mqueue/msg_max",
        "fs/mqueue/msgsize_default",
        "fs/mqueue/msgsize_max",
        "fs/mqueue/queues_max",
        "kernel/auto_msgmni",
        "kernel/cad_pid",
        "kernel/domainname",
        "kernel/hostname",
        "kernel/msgmax",
        "kernel/msgmnb",
        "kernel/msgmni",
        "kernel/ns_last_pid",
        "kernel/pid_max",
        "kernel/sem",
        "kernel/shm_rmid_forced",
        "kernel/shmall",
        "kernel/shmmax",
        "kernel/shmmni",
    ]
    assert subtype.status == "partial"
    for name in ("kernel/shm*", "kernel/hostname", "kernel/pid_max", "fs/mqueue/*"):
        assert name in subtype.context["reason"]


def test_only_the_namespaces_that_are_not_shared_cost_settings() -> None:
    subtype = sysctl.read(HostPath(str(VM_UBUNTU), shares_user=False))
    assert "/proc/sys/user/max_user_namespaces" not in subtype.data
    assert "/proc/sys/kernel/hostname" in subtype.data
    assert subtype.context["reason"].endswith(": user/*")


# What changes by itself (contract section 2.3).
COUNTERS = (
    "kernel/random/*",
    "kernel/pty/nr",
    "fs/dentry-state",
    "fs/inode-*",
    "fs/file-nr",
    "fs/aio-nr",
    "fs/quota/*",
)

# Runs in fresh namespaces: sets what can be set there to another value, then prints all settings.
READ_IN_NAMESPACES = """
import json, pathlib, socket, sys
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.sysctl import read
socket.sethostname("other")
root = pathlib.Path("/proc/sys")
paths = [path for pattern in sys.argv[1:] for path in root.glob(pattern)]
for path in paths:
    first, *rest = path.read_text().split()
    other = "other" if path.name.endswith("name") else str(min(int(first), 10**6) - 1)
    try:
        path.write_text(" ".join([other, *rest]))
    except OSError:
        pass  # some only take a range, some belong to the machine's root
print(json.dumps(dict(read(HostPath()).data)))
"""


def test_the_table_of_namespaced_settings_is_this_kernels() -> None:
    settable = [
        pattern for namespace in ("ipc", "uts", "user") for pattern in sysctl.NAMESPACED[namespace]
    ]
    unshare = ["unshare", "--user", "--map-root-user", "--ipc", "--uts", "--pid", "--fork"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespace can be made here")
    before = sysctl.read(HostPath()).data
    command = [*unshare, sys.executable, "-c", READ_IN_NAMESPACES, *settable]
    inside = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    after = sysctl.read(HostPath()).data

    different = {key for key in before if before[key] == after.get(key) != inside.get(key)}
    patterns = [p for names in sysctl.NAMESPACED.values() for p in names]
    expected = tuple(f"/proc/sys/{pattern.rstrip('*')}" for pattern in [*patterns, *COUNTERS])
    assert {key for key in different if not key.startswith(expected)} == set()
    for name in ("kernel/hostname", "kernel/shmmax", "kernel/sem", "fs/mqueue/msg_max"):
        assert f"/proc/sys/{name}" in different


@pytest.fixture
def unreadable_root() -> Iterator[Path]:
    """A tree with two settings that this process, then nobody, has no right to read."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        root = copy_host(VM_UBUNTU, Path(directory))
        for name in ("kernel/cad_pid", "vm/stat_refresh"):
            (root / "proc/sys" / name).chmod(0o400 if is_root else 0o040)
        if is_root:
            os.seteuid(65534)
        yield root
        if is_root:
            os.seteuid(0)


def test_settings_that_more_rights_would_show_make_it_partial(unreadable_root: Path) -> None:
    subtype = sysctl.read(HostPath(str(unreadable_root)))
    assert subtype.status == "partial"
    assert subtype.context["reason"].startswith("2 entries need more privileges")
    assert subtype.context["unreadable"] == "/proc/sys/kernel/cad_pid,/proc/sys/vm/stat_refresh"
    assert subtype.data["/proc/sys/kernel/panic"] == "0"


@pytest.mark.parametrize(
    ("gone", "name"),
    [("proc/cmdline", "grub"), ("proc/modules", "kmod"), ("usr/lib/os-release", "release")],
)
def test_a_missing_file_costs_its_own_subtype_only(root: Path, gone: str, name: str) -> None:
    (root / gone).unlink()
    found = collect(HostPath(str(root)))
    assert found.pop(name).status == "absent"
    assert {subtype.status for subtype in found.values()} == {"ok"}


def test_an_unreadable_file_costs_its_own_subtype_and_says_why(root: Path) -> None:
    (root / "proc/modules").unlink()
    os.mkfifo(root / "proc/modules")
    found = collect(HostPath(str(root)))
    kmod = found.pop("kmod")
    assert (kmod.data, kmod.status) == ({}, "error")
    assert kmod.context["reason"] == "/proc/modules of the node is not a regular file"
    assert {subtype.status for subtype in found.values()} == {"ok"}


def test_the_second_release_file_is_read_only_where_the_first_is_missing(root: Path) -> None:
    (root / "etc/os-release").unlink()
    assert collect(HostPath(str(root)))["release"].data["ID"] == "ubuntu"
    (root / "etc/os-release").write_text("ID=first\n")
    assert collect(HostPath(str(root)))["release"].data == {"ID": "first"}
    (root / "etc/os-release").write_bytes(b"\xff")
    broken = collect(HostPath(str(root)))["release"]
    assert broken.status == "error"
    assert broken.context["reason"].startswith("/etc/os-release of the node is not UTF-8")


def test_a_release_file_that_cannot_be_read_is_not_replaced_by_the_second(root: Path) -> None:
    release = root / "etc/os-release"
    release.unlink()
    release.symlink_to("os-release")  # a loop: it is there, and cannot be read
    found = collect(HostPath(str(root)))["release"]
    assert (found.data, found.status) == ({}, "error")
    assert "/etc/os-release" in found.context["reason"]


def test_an_absolute_link_to_the_release_file_does_not_lead_into_the_container(root: Path) -> None:
    (root / "etc/os-release").unlink()
    (root / "etc/os-release").symlink_to("/usr/lib/os-release")
    (root / "usr/lib/os-release").write_text("ID=node\n")
    assert collect(HostPath(str(root)))["release"].data == {"ID": "node"}


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


@given(st.text())
def test_any_command_line_loses_nothing_that_it_does_not_hold(line: str) -> None:
    for key, value in parse_lost_parameters(line).items():
        assert key.startswith(("repeated.", "quoted."))
        assert key.startswith("repeated.") or value in line
