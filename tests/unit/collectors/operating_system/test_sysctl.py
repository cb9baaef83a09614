"""Settings below /proc/sys: tables, odd files, namespaces of a pod, missing rights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system import sysctl
from kubectl_snapshot.collectors.operating_system.sysctl import parse_entries
from tests.unit.hosts import VM_UBUNTU, copy_host


def write_sysctl(root: Path, name: str, content: str | bytes) -> None:
    path = root / "proc/sys" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


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


@pytest.mark.parametrize(
    "name", ["vm/stat_refresh", "vm/compact_memory", "kernel/driver/trigger", "dev/x/y/trigger"]
)
def test_a_file_whose_reading_acts_is_not_read(root: Path, name: str) -> None:
    write_sysctl(root, name, "1")
    path = root / "proc/sys" / name
    os.utime(path, ns=(0, 0))
    subtype = sysctl.read(HostPath(str(root)))
    assert f"/proc/sys/{name}" not in subtype.data
    assert (path.stat().st_atime_ns, subtype.status) == (0, "ok")


def test_settings_with_a_similar_name_are_read(root: Path) -> None:
    names = ("vm/stat_refresh_interval", "vm/compact_memory_x", "kernel/trigger_all_cpu_backtrace")
    for name in names:
        write_sysctl(root, name, "1")
    data = sysctl.read(HostPath(str(root))).data
    assert [data[f"/proc/sys/{name}"] for name in names] == ["1"] * 3


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
        for name in ("kernel/cad_pid", "vm/swappiness"):
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
    assert subtype.context["unreadable"] == "/proc/sys/kernel/cad_pid,/proc/sys/vm/swappiness"
    assert subtype.data["/proc/sys/kernel/panic"] == "0"
    pod = sysctl.read(HostPath(str(unreadable_root), shares_user=False))
    assert pod.context["reason"].endswith(
        ": user/*; 2 entries need more privileges; `unreadable` names them"
    )
