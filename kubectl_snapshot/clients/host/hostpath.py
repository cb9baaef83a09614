"""The node's own files: where they are seen from, and how they are read without harm.

The one place that knows under which directory the node's /proc, /sys and /etc appear. Nothing is
opened for writing, no device or pipe is opened at all, and no link leads out of the node's tree.
What a file means is the collectors' business.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Union

from kubectl_snapshot.errors import Absent, Internal, InvalidRequest, SnapshotError, Unavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

MAX_FILE_BYTES = 1_048_576
CHUNK_BYTES = 16_384

# O_NONBLOCK and O_NOCTTY: should a pipe or a terminal take the file's place, its open may not hang.
OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW
# The kernel's own limit on links in one path (include/linux/namei.h, MAXSYMLINKS).
MAX_LINKS = 40

# What the kernel mounts: empty means not mounted, for no kernel leaves them so.
KERNEL_MOUNTS = ("proc", "sys")
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH)
REFUSED = (errno.EACCES, errno.EPERM)

Content = Union[bytes, SnapshotError]


@dataclass(frozen=True)
class HostPath:
    """Where the node is seen from: `root` is its `/`, None where only /proc can be seen.

    The other fields say whether the reader is in the node's own namespaces (a pod's hostNetwork,
    hostIPC, hostPID, hostUsers); some of what /proc/sys says depends on it.
    """

    root: str | None = "/"
    shares_network: bool = True
    shares_ipc: bool = True
    shares_pid: bool = True
    shares_user: bool = True

    @property
    def foreign_namespaces(self) -> tuple[str, ...]:
        """Return the namespaces in which the reader is not where the node is.

        The UTS namespace follows the network: container runtimes give a pod with hostNetwork both.
        """
        shared = {
            "ipc": self.shares_ipc,
            "uts": self.shares_network,
            "pid": self.shares_pid,
            "user": self.shares_user,
        }
        return tuple(name for name, is_shared in shared.items() if not is_shared)

    def read_bytes(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """Return a regular file of the node, its path as the node has it.

        Raises Absent, Unavailable (cannot be seen, or is not permitted), InvalidRequest (too large)
        or Internal, with the kernel's words. Blocks for as long as the kernel or a driver does.
        """
        seen_at = self._locate(path)
        try:
            if not stat.S_ISREG(os.lstat(seen_at).st_mode):
                # Not even opened: opening a device can act (a watchdog starts, a tape rewinds).
                raise Internal(f"{path} of the node is not a regular file")
            return _read_file(seen_at, path, max_bytes)
        except OSError as error:
            raise self._translate(path, error) from error

    def read_text(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> str:
        """Return a regular file of the node as text; InvalidRequest where it is not UTF-8."""
        try:
            return self.read_bytes(path, max_bytes).decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{path} of the node is not UTF-8", why=str(error)) from error

    def read_tree(self, path: str, is_skipped: Callable[[str], bool]) -> dict[str, Content]:
        """Return every regular file below a directory by its path on the node, in name order.

        A file or directory that cannot be read stands with its error: Unavailable where more rights
        would show it, another where nobody is shown it. Links are not followed. A path of which
        `is_skipped` is true, be it a file or a directory, is neither opened nor returned.
        """
        seen_at = self._locate(path)
        found: dict[str, Content] = {}
        try:
            directory = os.open(seen_at, OPEN_FLAGS | os.O_DIRECTORY)
            try:
                _read_directory(directory, path.rstrip("/"), is_skipped, found)
            finally:
                os.close(directory)
        except OSError as error:
            raise self._translate(path, error) from error
        return found

    def find_file(self, path: str) -> str:
        """Return where a regular file of the node is in our own file system, links resolved.

        For what must be given a path: the loader of libraries, the kernel's exec. Raises as
        read_bytes.
        """
        seen_at = self._locate(path)
        try:
            if not stat.S_ISREG(os.lstat(seen_at).st_mode):
                raise Internal(f"{path} of the node is not a regular file")
        except OSError as error:
            raise self._translate(path, error) from error
        return seen_at

    def read_names(self, path: str) -> tuple[str, ...]:
        """Return the names in a directory of the node, in order. Raises as read_bytes."""
        try:
            return tuple(sorted(map(_printable, os.listdir(self._locate(path)))))
        except OSError as error:
            raise self._translate(path, error) from error

    def read_link_name(self, path: str) -> str:
        """Return the last name of a link's target, "" where there is no link (sysfs: `driver`)."""
        directory, _, name = path.rpartition("/")
        target = _read_link(f"{self._locate(directory)}/{name}")
        return _printable(target.rstrip("/").rpartition("/")[2]) if target else ""

    def below(self, path: str) -> HostPath:
        """Return the same node with a directory of it as the root that its links start from.

        Raises Unavailable where the node's files cannot be seen.
        """
        return replace(self, root=self._locate(path))

    def connect(self, path: str, timeout_s: float | None) -> socket.socket:
        """Return a connection to a stream socket of the node, its path as the node has it.

        Raises as read_bytes does; Unavailable where its owner lets nobody else in.
        """
        import socket

        directory, _, name = self._locate(path).rpartition("/")
        try:
            below = os.open(directory, OPEN_FLAGS | os.O_DIRECTORY)
        except OSError as error:
            raise self._translate(path, error) from error
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(timeout_s)
            # Not by the path itself: of that, the kernel takes 107 bytes (unix(7)).
            connection.connect(f"/proc/self/fd/{below}/{name}")
        except OSError as error:
            connection.close()
            raise self._translate(path, error) from error
        finally:
            os.close(below)
        return connection

    def _locate(self, path: str) -> str:
        if not path:
            raise InvalidRequest("the path of a file to read is empty")
        located = _follow_links((self.root or "").rstrip("/"), path)
        if self.root is None and not located.startswith("/proc/"):
            raise Unavailable(
                f"{path} of the node cannot be seen from here",
                why="the pod runs without the node's files (--privileged=false)",
            )
        return located

    def _translate(self, path: str, error: OSError) -> SnapshotError:
        root = (self.root or "").rstrip("/")
        top = path.lstrip("/").partition("/")[0]
        mount = f"{root}/{top}" if top in KERNEL_MOUNTS else f"{root}/"
        if error.errno in GONE and _is_empty(mount):
            # Nothing to look at is not the same as having looked and found nothing.
            return Unavailable(
                f"{path} of the node cannot be seen from here", why=f"{mount} is missing or empty"
            )
        return _translate(path, error)


def _follow_links(root: str, path: str) -> str:
    """Return where `path` ends below `root`: links and `..` as if `root` were the file system's /.

    Left to the kernel, an absolute link under /host leads into the container: /etc/os-release would
    be the image's.
    """
    done: list[str] = []
    todo = path.split("/")[::-1]
    links = 0
    while todo:
        name = todo.pop()
        if name == "..":
            del done[-1:]
        elif name not in ("", "."):
            target = _read_link("/".join((root, *done, name)))
            if target is None:
                done.append(name)
                continue
            links += 1
            if links > MAX_LINKS:
                raise Internal(f"{path} of the node leads through more than {MAX_LINKS} links")
            if target.startswith("/"):
                done.clear()
            todo.extend(target.split("/")[::-1])
    return "/".join((root, *done)) or "/"


def _read_link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None  # no link; should there be more to say, opening it says so


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
            below = os.open(name, OPEN_FLAGS | os.O_DIRECTORY, dir_fd=directory)
            try:
                _read_directory(below, entry_path, is_skipped, found)
            finally:
                os.close(below)
        except InvalidRequest as error:
            found[entry_path] = error
        except OSError as error:
            found[entry_path] = _translate_entry(entry_path, name, directory, error)


def _read_file(seen_at: str, path: str, max_bytes: int, directory: int | None = None) -> bytes:
    descriptor = os.open(seen_at, OPEN_FLAGS, dir_fd=directory)
    chunks = []
    wanted_bytes = max_bytes + 1  # one more, to know a file of the limit from a larger one
    try:
        # Files of /proc have no size and may come in pieces: only an empty read ends them.
        while wanted_bytes > 0 and (chunk := os.read(descriptor, min(CHUNK_BYTES, wanted_bytes))):
            chunks.append(chunk)
            wanted_bytes -= len(chunk)
    finally:
        os.close(descriptor)
    content = b"".join(chunks)
    if len(content) > max_bytes:
        raise InvalidRequest(f"{path} of the node is larger than {max_bytes} bytes")
    return content


def _translate(path: str, error: OSError) -> SnapshotError:
    why = error.strerror or str(error)
    if error.errno in GONE:
        return Absent(f"{path} of the node is missing", why=why)
    if error.errno in REFUSED:
        return Unavailable(f"{path} of the node may not be read", why=why)
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
    """Return a file name with undecodable bytes as `\\xNN`: a document cannot hold them."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
