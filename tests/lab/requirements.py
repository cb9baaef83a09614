"""Whether this machine can run the lab, asked without changing it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from tests.lab import build
from tests.lab.layout import CGROUPS
from tests.lab.machine import quiet

# kwok's go.mod asks for this; the other modules for less.
GO_VERSION = (1, 26)
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--fork")
INSTEAD = (
    "KUBECONFIG=FILE SNAPSHOT_TEST_CLUSTER=1 runs the cluster tests on kind or another cluster"
)


def find_missing() -> str:
    """Return the first thing that is missing, with a word on it, or nothing."""
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
        return "the right to make namespaces and mounts"
    if build.missing_programs() and read_go_version() < GO_VERSION:
        return "Go >= {}.{}, needed once to build Kubernetes".format(*GO_VERSION)
    return ""


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
