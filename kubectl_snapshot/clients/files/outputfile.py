"""Write files: regular ones are replaced atomically, devices, FIFOs and descriptors written to."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import Internal
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MODE = 0o600
HINT = "pass a file in a directory that you can write to"
REFUSED = ((stat.S_ISDIR, "directory"), (stat.S_ISBLK, "block device"), (stat.S_ISSOCK, "socket"))
# Opening such a name again would lose the position, and fails for a socket.
DESCRIPTOR = compile_late(
    r"/dev/(stdin|stdout|stderr|fd/\d+)|/proc/(?:self|thread-self|\d+)/fd/\d+"
)
STANDARD = ("stdin", "stdout", "stderr")
MAX_LINKS = 40
# Directories and mount points that forbid a new file in the place of the old one.
IRREPLACEABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)


def check_writable(path: str) -> None:
    """Raise Internal if `write_whole` could not write the file; create nothing."""
    try:
        target = _follow_links(path)
        if _find_descriptor(target) is not None:
            return
        status = _read_status(target)
    except OSError as error:
        raise _explain(path, error) from error
    directory = os.path.dirname(target) or "."
    if status is not None:
        if not os.access(target, os.W_OK):
            raise Internal(f"cannot write {path}", "no permission to write to it", HINT)
    elif not os.path.isdir(directory):
        raise Internal(f"cannot write {path}", f"no such directory: {directory}", HINT)
    elif not os.access(directory, os.W_OK | os.X_OK):
        raise Internal(f"cannot write {path}", f"no permission to write to {directory}", HINT)


def write_whole(path: str, text: str, mode: int | None = None) -> None:
    """Write a text: a regular file atomically, anything else that is there in its place.

    Symbolic links are followed. A file keeps its mode and owner, a new one is readable by its owner
    only; `mode` overrides both and the umask. Where no file may be created in the directory, an
    existing file is overwritten in place. Raises Internal with the kernel's message; a file that
    can be replaced is then unchanged.
    """
    content = text.encode("utf-8", "backslashreplace")
    try:
        target = _follow_links(path)
        descriptor = _find_descriptor(target)
        if descriptor is not None:
            _write_all(os.dup(descriptor), content)
            return
        status = _read_status(target)
        if status is None or stat.S_ISREG(status.st_mode):
            _write_regular(target, content, status, mode)
        else:
            _write_all(os.open(target, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC), content)
    except OSError as error:
        raise _explain(path, error) from error


def ensure_directory(path: str) -> None:
    """Create a directory that only its owner can read, unless there is one."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise _explain(path, error) from error


@contextlib.contextmanager
def open_whole(path: str) -> Iterator[BinaryIO]:
    """Yield a file to write what is too large for `write_whole`, by the same rules.

    After an error in the context, a file that can be replaced is unchanged.
    """
    try:
        target = _follow_links(path)
        descriptor = _find_descriptor(target)
        status = None if descriptor is not None else _read_status(target)
        is_new = descriptor is None and status is None
        is_regular = status is not None and stat.S_ISREG(status.st_mode)
        if is_new or (is_regular and _is_replaceable(target, status)):
            with _replacing(target, status) as file:
                yield file
            return
        if descriptor is None:
            descriptor = os.open(target, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
        else:
            descriptor = os.dup(descriptor)
        with open(descriptor, "wb") as file:
            yield file
            if is_regular:
                file.truncate()
    except OSError as error:
        raise _explain(path, error) from error


def replace_file(
    path: str, content: bytes, status: os.stat_result | None, mode: int | None = None
) -> None:
    """Replace a regular file atomically; keep the owner and the mode of its `status`.

    Raises OSError, PermissionError for an owner that this user cannot give a file to.
    """
    with _replacing(path, status, mode) as file:
        file.write(content)


@contextlib.contextmanager
def _replacing(
    path: str, status: os.stat_result | None, mode: int | None = None
) -> Iterator[BinaryIO]:
    """Yield a new file, which replaces a regular file at the end of the context."""
    directory, name = os.path.split(path)
    part = os.path.join(directory, f".{name[:40]}.{os.urandom(6).hex()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        with open(descriptor, "wb") as file:
            if status is not None:
                _keep_owner(descriptor, status)
                mode = stat.S_IMODE(status.st_mode) if mode is None else mode
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


def _is_replaceable(path: str, status: os.stat_result | None) -> bool:
    """Return whether a new file can take the place of an existing one; try it.

    Raises OSError for a file that this user cannot write.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
    if os.path.ismount(path):
        return False
    part = f"{path}.{os.urandom(6).hex()}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except OSError as error:
        if error.errno not in IRREPLACEABLE:
            raise
        return False
    try:
        if status is not None:
            _keep_owner(descriptor, status)
    except PermissionError:
        return False
    finally:
        os.close(descriptor)
        os.unlink(part)
    return True


def _keep_owner(descriptor: int, status: os.stat_result) -> None:
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(descriptor, status.st_uid, status.st_gid)


def _write_regular(
    path: str, content: bytes, status: os.stat_result | None, mode: int | None
) -> None:
    if status is not None:
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))  # PermissionError for a read-only file
    try:
        replace_file(path, content, status, mode)
    except OSError as error:
        if status is None or error.errno not in IRREPLACEABLE:
            raise
        _overwrite(path, content)


def _overwrite(path: str, content: bytes) -> None:
    """Write a file in place; a full disk is found before its content is lost."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        _reserve(descriptor, len(content))
        os.truncate(descriptor, len(content))
    except BaseException:
        os.close(descriptor)
        raise
    _write_all(descriptor, content)


def _reserve(descriptor: int, size_bytes: int) -> None:
    if not (size_bytes and hasattr(os, "posix_fallocate")):  # macOS has none
        return
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise


def _write_all(descriptor: int, content: bytes) -> None:
    with open(descriptor, "wb") as file:
        file.write(content)


def _read_status(path: str) -> os.stat_result | None:
    """Return the status of a file to write, None if there is none; OSError for another kind."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    for is_kind, kind in REFUSED:
        if is_kind(status.st_mode):
            raise OSError(errno.EINVAL, f"it is a {kind}")
    return status


def _follow_links(path: str) -> str:
    """Return the file that a path leads to; it may be missing, or name a descriptor."""
    for _ in range(MAX_LINKS):
        if DESCRIPTOR.fullmatch(path) or not os.path.islink(path):
            return path
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _find_descriptor(path: str) -> int | None:
    """Return the inherited descriptor that a path such as /dev/stdout names, None for others.

    Raises OSError if it is closed, read-only or our own.
    """
    parts = path.split("/")
    of_others = parts[1:2] == ["proc"] and parts[2] not in ("self", "thread-self", f"{os.getpid()}")
    if of_others or not DESCRIPTOR.fullmatch(path):
        return None
    number = STANDARD.index(parts[2]) if parts[2] in STANDARD else int(parts[-1])
    # Python's own descriptors are not inheritable (PEP 446).
    is_read_only = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    if is_read_only or not os.get_inheritable(number):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return number


def _explain(path: str, error: OSError) -> Internal:
    return Internal(f"cannot write {path}", error.strerror or str(error), HINT)
