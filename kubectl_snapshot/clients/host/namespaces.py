"""Which namespaces of the node this process shares, found out without privileges.

A pod is not told what admission left of its hostNetwork, hostIPC, hostPID and hostUsers. Measured
on Linux 6 with containerd: without CAP_SYS_PTRACE the links in /proc/1/ns cannot be read; the
other evidence can.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.hostpath import HostPath

if TYPE_CHECKING:
    from collections.abc import Callable

# user_namespaces(7): the map of the initial user namespace, and of an equivalent one.
WHOLE_MAP = ["0", "0", "4294967295"]


def locate_node(root: str, own: str = "") -> HostPath:
    """Return the node's files below `root`, empty if its root is not mounted.

    What cannot be found out counts as not shared. `own` precedes this process's own /proc and
    /dev, for tests.
    """
    shares_user = _are_same(f"{root}/proc/1/ns/user", f"{own}/proc/self/ns/user") if root else None
    if shares_user is None:
        shares_user = _read(f"{own}/proc/self/uid_map").split() == WHOLE_MAP
    if not root:
        return HostPath(None, False, False, False, shares_user)

    def shares(name: str, otherwise: Callable[[], bool]) -> bool:
        same = _are_same(f"{root}/proc/1/ns/{name}", f"{own}/proc/self/ns/{name}")
        return otherwise() if same is None else same

    return HostPath(
        root,
        # UTS follows the network: a runtime gives a pod with hostNetwork both.
        shares("uts", lambda: _is_one_file(f"{root}/proc/1/net/dev", f"{own}/proc/self/net/dev")),
        shares("ipc", lambda: _is_one_file(f"{root}/dev/shm", f"{own}/dev/shm", is_mount=True)),
        shares("pid", lambda: _count_pids(f"{root}/proc/self/status") == 1),
        shares_user,
    )


def _are_same(path: str, other: str) -> bool | None:
    """Return whether two namespaces are one (namespaces(7)), None if they cannot be read."""
    with suppress(OSError):
        return os.readlink(path) == os.readlink(other)
    return None


def _is_one_file(path: str, other: str, is_mount: bool = False) -> bool:
    """Return whether two files are one; of different mounts of procfs only the inode is equal."""
    with suppress(OSError):
        left, right = os.stat(path), os.stat(other)
        return left.st_ino == right.st_ino and (not is_mount or left.st_dev == right.st_dev)
    return False


def _count_pids(path: str) -> int:
    """Return in how many PID namespaces, from that of the procfs down, a process has a number.

    proc_pid_status(5), NSpid; 0 if unknown.
    """
    fields = (line.split() for line in _read(path).splitlines())
    return next((len(words) - 1 for words in fields if words[:1] == ["NSpid:"]), 0)


def _read(path: str) -> str:
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""
