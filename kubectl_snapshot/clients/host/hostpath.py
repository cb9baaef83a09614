"""Read the node's files from a pod or on the node, without side effects.

The only module that knows where the node's root is mounted. It opens nothing for writing, opens no
pipe and no device but the kernel's log, and resolves links inside the node's tree.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import MAX_FILE_BYTES
from kubectl_snapshot.errors import Absent, Internal, InvalidRequest, SnapshotError, Unavailable
from kubectl_snapshot.records import dataclass, field, replace

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from typing import Union

    Content = Union[bytes, SnapshotError]

CHUNK_BYTES = 16_384
# A file of sysfs has a page at most (Documentation/filesystems/sysfs.rst).
MAX_VALUE_BYTES = 4096
# Files of /proc of which the beginning is enough.
FIRST_PAGES = ("cpuinfo", "meminfo")
# A link to it masks a configuration file (systemd.unit(5)); the pod's own device is not asked.
MASK = "/dev/null"

# O_NONBLOCK and O_NOCTTY: open(2) must not hang if a pipe or a terminal replaces the file.
OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW
# The kernel's own limit on links in one path (include/linux/namei.h, MAXSYMLINKS).
MAX_LINKS = 40

# Mounts of the kernel, never empty: an empty one is not mounted.
KERNEL_MOUNTS = ("proc", "sys")
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH)
REFUSED = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class HostPath:
    """The node's file tree: `root` is the node's `/`, None if only /proc is visible.

    The other fields say whether this process shares the node's namespaces (a pod's hostNetwork,
    hostIPC, hostPID, hostUsers); some values in /proc/sys are per namespace.
    """

    root: str | None = "/"
    shares_network: bool = True
    shares_ipc: bool = True
    shares_pid: bool = True
    shares_user: bool = True
    # The targets of the links, None for directories, that led to what was read before.
    _links: dict[str, str | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def foreign_namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that this process does not share with the node.

        UTS follows the network: container runtimes give a pod with hostNetwork both.
        """
        shared = {
            "ipc": self.shares_ipc,
            "uts": self.shares_network,
            "pid": self.shares_pid,
            "user": self.shares_user,
        }
        return tuple(name for name, is_shared in shared.items() if not is_shared)

    def read_bytes(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of a regular file; `path` is the path on the node.

        Raises Absent, Unavailable (not visible, no permission), InvalidRequest (too large) or
        Internal, with the kernel's message. Blocks as long as the kernel or a driver does.
        """
        local = self._resolve(path)
        if local.endswith(MASK) and self._remove_root(local) == MASK:
            return b""
        try:
            if not stat.S_ISREG(os.lstat(local).st_mode):
                # Not opened: opening a device has side effects (a watchdog starts, a tape rewinds).
                raise Internal(f"{path} of the node is not a regular file")
            return _read_file(local, path, max_bytes)
        except OSError as error:
            raise self._translate(path, error) from error

    def read_text(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> str:
        """Return a regular file as text. Raises as read_bytes, InvalidRequest if not UTF-8."""
        try:
            return self.read_bytes(path, max_bytes).decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{path} of the node is not UTF-8", why=str(error)) from error

    def read_values(self, directory: str, names: Iterable[str]) -> dict[str, str]:
        """Return the text of each of a directory's files, stripped; for sysfs: one value a file.

        Files that are missing are left out, and those that have no value at the moment, as the
        speed of a card that is down. Raises as read_bytes for the directory; for a file,
        Unavailable if its mode forbids to read it, Internal if it is none, InvalidRequest if it is
        longer than a page.
        """
        found: dict[str, str] = {}
        try:
            below = os.open(self._resolve(directory), OPEN_FLAGS | os.O_DIRECTORY)
        except OSError as error:
            if error.errno == errno.ENOTDIR:
                return {}
            raise self._translate(directory, error) from error
        try:
            for name in names:
                try:
                    if not stat.S_ISREG(os.stat(name, dir_fd=below, follow_symlinks=False).st_mode):
                        raise Internal(f"{directory}/{name} of the node is not a regular file")
                    value = _read_value(name, below)
                    if len(value) == MAX_VALUE_BYTES and name not in FIRST_PAGES:
                        raise InvalidRequest(f"{directory}/{name} of the node is too large")
                    found[name] = value.decode("utf-8", "backslashreplace").strip()
                except OSError as error:
                    if error.errno in REFUSED:
                        raise self._translate(f"{directory}/{name}", error) from error
        finally:
            os.close(below)
        return found

    def resolve(self, path: str) -> str:
        """Return the path on the node with all links resolved; it need not exist."""
        return self._remove_root(self._resolve(path))

    def read_tree(self, path: str, is_skipped: Callable[[str], bool]) -> dict[str, Content]:
        """Return every regular file below a directory by its path on the node, sorted by name.

        A file or directory that cannot be read has its error as content: Unavailable if more
        privileges would help, Absent if its mode lets nobody read it, or if it is an automount
        point without a mount: opening it would mount something. Links are not followed. Files and
        directories for which `is_skipped` is true are neither opened nor returned.
        """
        local = self._resolve(path)
        found: dict[str, Content] = {}
        try:
            directory = os.open(local, OPEN_FLAGS | os.O_DIRECTORY)
            try:
                _read_directory(directory, path.rstrip("/"), is_skipped, found)
            finally:
                os.close(directory)
        except OSError as error:
            raise self._translate(path, error) from error
        return found

    def resolve_file(self, path: str) -> str:
        """Return the path of a regular file in this process's file system, links resolved.

        For dlopen and exec, which need a path. Raises as read_bytes.
        """
        local = self._resolve(path)
        try:
            if not stat.S_ISREG(os.lstat(local).st_mode):
                raise Internal(f"{path} of the node is not a regular file")
        except OSError as error:
            raise self._translate(path, error) from error
        return local

    def read_names(self, path: str, beginnings: tuple[str, ...] = ("",)) -> tuple[str, ...]:
        """Return the sorted names in a directory, of those beginnings. Raises as read_bytes."""
        try:
            names = os.listdir(self._resolve(path))
            return tuple(sorted(_printable(name) for name in names if name.startswith(beginnings)))
        except OSError as error:
            raise self._translate(path, error) from error

    def read_link_name(self, path: str) -> str:
        """Return the last name of a link's target, "" if there is no link (sysfs: `driver`)."""
        directory, _, name = path.rpartition("/")
        target = _read_link(f"{self._resolve(directory)}/{name}")
        return _printable(target.rstrip("/").rpartition("/")[2]) if target else ""

    def read_space(self, path: str) -> tuple[str, os.statvfs_result]:
        """Return `major:minor` and the space of the file system that holds a path (statvfs(3)).

        Raises as read_bytes. Blocks where a server has to answer.
        """
        local = self._resolve(path)
        try:
            device = os.lstat(local).st_dev
            return f"{os.major(device)}:{os.minor(device)}", os.statvfs(local)
        except OSError as error:
            raise self._translate(path, error) from error

    def with_root(self, path: str) -> HostPath:
        """Return the same node with one of its directories as the root, for links, too.

        Raises Unavailable if the node's files are not visible.
        """
        return replace(self, root=self._resolve(path))

    def connect(self, path: str, timeout_s: float | None) -> socket.socket:
        """Return a connection to a stream socket; `path` is the path on the node.

        Raises as read_bytes; Unavailable if the socket's mode forbids it.
        """
        directory, _, name = self._resolve(path).rpartition("/")
        try:
            below = os.open(directory, OPEN_FLAGS | os.O_DIRECTORY)
        except OSError as error:
            raise self._translate(path, error) from error
        try:
            os.stat(name, dir_fd=below, follow_symlinks=False)
            import socket  # late: 3 ms, and only systemd's socket is connected to

            connection = socket.socket(socket.AF_UNIX)
        except OSError as error:
            os.close(below)
            raise self._translate(path, error) from error
        try:
            connection.settimeout(timeout_s)
            # Not by the path itself: the kernel's limit is 107 bytes (unix(7)).
            connection.connect(f"/proc/self/fd/{below}/{name}")
        except OSError as error:
            connection.close()
            raise self._translate(path, error) from error
        finally:
            os.close(below)
        return connection

    def open_device(self, path: str, major: int, minor: int) -> int:
        """Return a descriptor of a character device of these numbers, which does not block.

        Only for devices whose opening has no side effects. Raises as read_bytes.
        """
        local = self._resolve(path)
        try:
            descriptor = os.open(local, OPEN_FLAGS | os.O_PATH)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISCHR(found.st_mode) or found.st_rdev != os.makedev(major, minor):
                    raise Internal(f"{path} of the node is not the device {major}:{minor}")
                return os.open(f"/proc/self/fd/{descriptor}", OPEN_FLAGS & ~os.O_NOFOLLOW)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._translate(path, error) from error

    def _remove_root(self, local: str) -> str:
        return local[len((self.root or "").rstrip("/")) :]

    def _resolve(self, path: str) -> str:
        if not path:
            raise InvalidRequest("the file path is empty")
        try:
            resolved = _follow_links((self.root or "").rstrip("/"), path, self._links)
        except ValueError as error:  # a NUL, a surrogate: a path of a file's text
            raise InvalidRequest(f"{path!r} of the node is not a path", why=str(error)) from error
        if self.root is None and not resolved.startswith("/proc/"):
            raise Unavailable(
                f"{path} of the node is not visible from here",
                why="the pod runs without the node's files (--privileged=false)",
            )
        return resolved

    def _translate(self, path: str, error: OSError) -> SnapshotError:
        root = (self.root or "").rstrip("/")
        top = path.lstrip("/").partition("/")[0]
        mount = f"{root}/{top}" if top in KERNEL_MOUNTS else f"{root}/"
        if error.errno in GONE and _is_empty(mount):
            # Not mounted, so nothing is known: this is not Absent.
            return Unavailable(
                f"{path} of the node is not visible from here", why=f"{mount} is missing or empty"
            )
        return _translate(path, error)


def _follow_links(root: str, path: str, known: dict[str, str | None]) -> str:
    """Return the path below `root` that `path` resolves to, as if `root` were `/` (chroot).

    The kernel would resolve an absolute link below /host in the container: /etc/os-release would be
    the image's. `known` remembers what the names on the way are, not the last one.
    """
    done: list[str] = []
    todo = path.split("/")[::-1]
    links = 0
    while todo:
        name = todo.pop()
        if name == "..":
            del done[-1:]
        elif name not in ("", "."):
            local = "/".join((root, *done, name))
            if local in known:
                target = known[local]
            else:
                target = _read_link(local)
                if todo:
                    known[local] = target
            if target is None:
                done.append(name)
                continue
            links += 1
            if links > MAX_LINKS:
                why = f"more than {MAX_LINKS}"
                raise Internal(f"too many symbolic links in {path} of the node", why=why)
            if target.startswith("/"):
                done.clear()
            todo.extend(target.split("/")[::-1])
    return "/".join((root, *done)) or "/"


def _read_link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None  # no link; any other error comes again when the file is opened


def _read_directory(
    directory: int, path: str, is_skipped: Callable[[str], bool], found: dict[str, Content]
) -> None:
    with os.scandir(directory) as entries:
        is_directory = {
            entry.name: entry.is_dir(follow_symlinks=False)
            for entry in entries
            if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
        }
    for name in sorted(is_directory):
        entry_path = f"{path}/{_printable(name)}"
        if is_skipped(entry_path):
            continue
        try:
            if not is_directory[name]:
                found[entry_path] = _read_file(name, entry_path, MAX_FILE_BYTES, directory)
                continue
            if _is_automount(name, directory):
                found[entry_path] = Absent(f"{entry_path} of the node is not mounted")
                continue
            below = os.open(name, OPEN_FLAGS | os.O_DIRECTORY, dir_fd=directory)
            try:
                _read_directory(below, entry_path, is_skipped, found)
            finally:
                os.close(below)
        except InvalidRequest as error:
            found[entry_path] = error
        except OSError as error:
            found[entry_path] = _translate_entry(entry_path, name, directory, error)


def _is_automount(name: str, directory: int) -> bool:
    """Return whether a directory waits to be mounted (autofs(5)); lstat(2) does not trigger it."""
    device = os.stat(name, dir_fd=directory, follow_symlinks=False).st_dev
    if device == os.fstat(directory).st_dev:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
        return any(line.split()[2] == number and " - autofs " in line for line in mounts)


def _read_file(local: str, path: str, max_bytes: int, directory: int | None = None) -> bytes:
    descriptor = os.open(local, OPEN_FLAGS, dir_fd=directory)
    chunks = []
    wanted_bytes = max_bytes + 1  # one more, to detect a larger file
    try:
        # Files in /proc have no size and short reads: only an empty read is the end.
        while wanted_bytes > 0 and (chunk := os.read(descriptor, min(CHUNK_BYTES, wanted_bytes))):
            chunks.append(chunk)
            wanted_bytes -= len(chunk)
    finally:
        os.close(descriptor)
    content = b"".join(chunks)
    if len(content) > max_bytes:
        raise InvalidRequest(f"{path} of the node is larger than {max_bytes} bytes")
    return content


def _read_value(name: str, directory: int) -> bytes:
    descriptor = os.open(name, OPEN_FLAGS, dir_fd=directory)
    try:
        return os.read(descriptor, MAX_VALUE_BYTES)
    finally:
        os.close(descriptor)


def _translate(path: str, error: OSError) -> SnapshotError:
    why = error.strerror or str(error)
    if error.errno in GONE:
        return Absent(f"{path} not found on the node", why=why)
    if error.errno in REFUSED:
        return Unavailable(f"no permission to read {path} of the node", why=why)
    return Internal(f"cannot read {path} of the node", why=why)


def _translate_entry(path: str, name: str, directory: int, error: OSError) -> SnapshotError:
    if error.errno in REFUSED:
        try:
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        except OSError as gone:
            return _translate(path, gone)
        if not mode & 0o444:
            return Absent(f"{path} of the node is write-only", why=error.strerror or "")
    return _translate(path, error)


def _is_empty(directory: str) -> bool:
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def _printable(name: str) -> str:
    """Return a file name with undecodable bytes as `\\xNN`: a snapshot is UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
