"""Files that we write: whole or not at all, for their owner alone by default. Nothing is read."""

from __future__ import annotations

import contextlib
import os

from kubectl_snapshot.errors import Internal

MODE = 0o600
HINT = "pass a file in a directory that you can write to"


def check_writable(path: str) -> None:
    """Raise Internal where `write_whole` could not write; leave nothing behind."""
    directory = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise Internal(f"cannot write {path}", "it is a directory", "pass a file in it")
    if not os.path.isdir(directory):
        raise Internal(f"cannot write {path}", f"there is no directory {directory}", HINT)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise Internal(f"cannot write {path}", f"no right to write in {directory}", HINT)


def write_whole(path: str, text: str, mode: int = MODE) -> None:
    """Write a file by way of a temporary one beside it, synced and renamed over it.

    A mode that lets others read it holds whatever the umask is.
    Raises Internal with the kernel's words; what was there before then stays as it was.
    """
    temporary = f"{path}.{os.getpid()}.part"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                if mode != MODE:
                    os.fchmod(descriptor, mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise Internal(f"cannot write {path}", error.strerror or str(error), HINT) from error
