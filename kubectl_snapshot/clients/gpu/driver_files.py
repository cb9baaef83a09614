"""Find the NVIDIA driver's library and nvidia-smi on the node; read versions from its files.

The paths work in a pod and on the node itself. Nothing is loaded or run here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Absent, SnapshotError
from kubectl_snapshot.records import dataclass, replace
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubectl_snapshot.clients.host.hostpath import HostPath

KERNEL_VERSION = "/proc/driver/nvidia/version"
LIBRARY = "libnvidia-ml.so.1"

# The node's root, the GPU Operator's driver container, GKE, and other images' directories.
DRIVER_ROOTS = (
    "/",
    "/run/nvidia/driver",
    "/home/kubernetes/bin/nvidia",
    "/usr/local/nvidia",
    "/opt/nvidia",
)
# {} is the GNU architecture. In order: distributions, Debian and SUSE drivers, Bottlerocket, NixOS,
# WSL.
LIBRARY_DIRECTORIES = (
    "/usr/lib64",
    "/usr/lib/{}-linux-gnu",
    "/lib64",
    "/lib/{}-linux-gnu",
    "/usr/lib",
    "/lib",
    "/usr/lib/{}-linux-gnu/nvidia/current",
    "/usr/lib/nvidia/tesla",
    "/{}-bottlerocket-linux-gnu/sys-root/usr/lib/nvidia/tesla",
    "/run/opengl-driver/lib",
    "/usr/lib/wsl/lib",
)
PROGRAM_DIRECTORIES = ("/usr/bin", "/bin", "/usr/local/bin", "/usr/lib/wsl/lib")
# The dynamic linkers of glibc (sysdeps/unix/sysv/linux/*/ldconfig.h).
LOADERS = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}
PERSISTENCE_SOCKET = "nvidia-persistenced/socket"
# dpkg's database, a stanza per package (deb822(5)), 1 to 5 MB on a server. Names are NVIDIA's and
# Ubuntu's: `nvidia-fabricmanager-535`, without the branch since 575; not `-dev` and metapackages.
PACKAGES = "/var/lib/dpkg/status"
MAX_PACKAGES_BYTES = 32 * 1024 * 1024
FABRIC_MANAGER = "\nPackage: nvidia-fabricmanager"
_BRANCH = compile_late(r"(-\d+)?\n")

# As in `NVIDIA UNIX x86_64 Kernel Module  570.124.06`, `libnvidia-ml.so.570.124.06`.
_VERSION = compile_late(r"(?<!\d)(?<!\d\.)\d+\.\d+(?:\.\d+)?(?![\d.])")


@dataclass(frozen=True)
class DriverFiles:
    """Paths of the driver's files as this process can open them, "" for each that is missing.

    `library_version` is taken from the library's file name. `run_directory` is the node's /run if
    nvidia-persistenced listens there, "" if it does not or if it is this process's own /run.
    """

    library: str = ""
    library_version: str = ""
    program: str = ""
    loader: str = ""
    library_directories: tuple[str, ...] = ()
    run_directory: str = ""


@dataclass(frozen=True)
class KernelModule:
    """The loaded kernel module. `flavor` is `open` or `proprietary`; unknown parts are empty."""

    version: str
    flavor: str


def read_kernel_module(host: HostPath) -> KernelModule | None:
    """Return version and flavor of the loaded kernel module, None if none is loaded.

    Raises Unavailable if the node's /proc is not visible.
    """
    try:
        text = host.read_text(KERNEL_VERSION)
    except Absent:
        return None
    line = text.partition("\n")[0]
    found = _VERSION.search(line)
    flavors = {"Open Kernel Module": "open", "Kernel Module": "proprietary"}
    flavor = next((name for words, name in flavors.items() if words in line), "")
    return KernelModule(found[0] if found else "", flavor)


def read_fabric_manager_version(host: HostPath) -> str:
    """Return the version of the installed fabric manager, "" if dpkg has no package of it.

    As the driver's, without the package's revision. Raises Internal or Unavailable.
    """
    for tree in _find_trees(host):
        try:
            packages = tree.read_text(PACKAGES, MAX_PACKAGES_BYTES)
        except Absent:
            continue
        for rest in f"\n{packages}".split(FABRIC_MANAGER)[1:]:
            stanza = rest.partition("\n\n")[0]
            if _BRANCH.match(stanza) and " ok installed\n" in stanza:
                text = stanza.partition("\nVersion: ")[2].partition("\n")[0]
                version = _VERSION.search(text)
                return version[0] if version else ""
    return ""


def find_driver(host: HostPath, machine: str) -> DriverFiles:
    """Return the driver's files, each from the first root that has it; `machine` as in uname(2)."""
    trees = list(_find_trees(host))
    found = DriverFiles(run_directory=_find_run_directory(trees))
    for tree in trees:
        directories = _find_directories(tree, machine)
        if not found.library:
            library = _find_first(tree, directories, LIBRARY)
            version = _VERSION.search(os.path.basename(library))
            version_text = version[0] if version else ""
            found = replace(found, library=library, library_version=version_text)
        if not found.program:
            found = replace(found, program=_find_first(tree, PROGRAM_DIRECTORIES, "nvidia-smi"))
        if not found.loader and machine in LOADERS:
            directory, _, name = LOADERS[machine].rpartition("/")
            found = replace(found, loader=_find_first(tree, (directory,), name))
        local = tuple(_locate_directory(tree, directory) for directory in directories)
        found = replace(found, library_directories=(*found.library_directories, *local))
    return found


def _find_trees(host: HostPath) -> Iterator[HostPath]:
    for root in DRIVER_ROOTS:
        try:
            host.read_names(root)
            yield host.with_root(root)
        except SnapshotError:
            continue  # missing, or the node's files are not visible


def _find_directories(tree: HostPath, machine: str) -> list[str]:
    names = (name.format(machine) for name in LIBRARY_DIRECTORIES)
    return [name for name in names if _locate_directory(tree, name)]


def _locate_directory(tree: HostPath, directory: str) -> str:
    """Return a directory's path in this process's file system, "" if it does not exist."""
    try:
        local = tree.with_root(directory).root or ""
    except SnapshotError:
        return ""
    return local if os.path.isdir(local) else ""


def _find_first(tree: HostPath, directories: Iterable[str], name: str) -> str:
    for directory in directories:
        try:
            return tree.resolve_file(f"{directory}/{name}")
        except SnapshotError:
            continue
    return ""


def _find_run_directory(trees: Iterable[HostPath]) -> str:
    """Return the first /run with a socket of nvidia-persistenced, except this process's own."""
    for tree in trees:
        directory = _locate_directory(tree, "/run")
        if directory not in ("", "/run") and os.path.exists(f"{directory}/{PERSISTENCE_SOCKET}"):
            return directory
    return ""
