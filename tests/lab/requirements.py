"""Check whether this machine can run the lab, without changing it."""

from __future__ import annotations

import contextlib
import glob
import os
import platform
import re
import subprocess
from pathlib import Path

from tests.lab import build
from tests.lab.layout import CGROUPS
from tests.lab.machine import quiet

# Required by kwok's go.mod; the other modules require less.
GO_VERSION = (1, 26)
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--fork")
# Of fs.inotify.max_user_instances, as root (inotify(7)). Measured: 14 a node (kubelet 6, systemd 5,
# containerd, dbus, logind 1 each), 4 a control plane; one more each for pods and controllers.
INOTIFY_OF_NODE, INOTIFY_OF_CONTROL_PLANE = 15, 5
INOTIFY_LIMIT = "fs.inotify.max_user_instances"
# The nodes of the cluster tests.
TEST_NODES = 2
INSTEAD = (
    "KUBECONFIG=FILE SNAPSHOT_TEST_CLUSTER=1 runs the cluster tests on kind or another cluster"
)


def find_missing(nodes: int = TEST_NODES) -> str:
    """Return the first missing requirement of a cluster with this many nodes, or "".

    With 0 nodes, the resources of a running cluster are not checked.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return f"Linux on amd64 (this is {platform.system()} on {platform.machine()})"
    if read_os_release() != ("debian", "12"):
        return "Debian 12 (this is {} {})".format(*read_os_release())
    if os.geteuid() != 0:
        return "root"
    if not (CGROUPS / "memory").exists():
        return f"cgroup v1 hierarchies below {CGROUPS}"
    if "\toverlay\n" not in Path("/proc/filesystems").read_text():
        return "overlayfs"
    if not quiet("unshare", *NAMESPACES, "mount", "-t", "tmpfs", "tmpfs", "/mnt"):
        return "permission to create namespaces and mounts"
    if build.missing_programs() and read_go_version() < GO_VERSION:
        return "Go >= {}.{}, needed once to build Kubernetes".format(*GO_VERSION)
    if not nodes:
        return ""
    limit = int(Path("/proc/sys", *INOTIFY_LIMIT.split(".")).read_text())
    return describe_inotify_shortage(limit, count_inotify_instances(), nodes)


def describe_inotify_shortage(limit: int, used: int, nodes: int) -> str:
    """Return the sysctl to set if another cluster would exceed the limit, or "".

    Kubelets and systemd would fail with "too many open files" in various places. `used` includes
    clusters that are up.
    """
    wanted = used + INOTIFY_OF_CONTROL_PLANE + INOTIFY_OF_NODE * nodes
    if wanted <= limit:
        return ""
    fix = f"`sysctl -w {INOTIFY_LIMIT}={max(512, 2 * wanted)}`"
    return f"{INOTIFY_LIMIT} >= {wanted} (it is {limit}, and {used} are in use): {fix}"


def count_inotify_instances(processes: str = "[0-9]*") -> int:
    """Return the inotify instances of all processes, of all users (an upper bound for root's)."""
    count = 0
    for descriptor in glob.iglob(f"/proc/{processes}/fd/*"):
        # A process may exit or close it in the meantime.
        with contextlib.suppress(OSError):
            count += os.readlink(descriptor) == "anon_inode:inotify"
    return count


def read_os_release() -> tuple[str, str]:
    text = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)', text, re.MULTILINE))
    return values.get("ID", "unknown"), values.get("VERSION_ID", "")


def read_go_version() -> tuple[int, int]:
    try:
        shown = subprocess.run(["go", "version"], capture_output=True, text=True).stdout
    except OSError:
        return 0, 0
    found = re.search(r"\bgo(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else (0, 0)
