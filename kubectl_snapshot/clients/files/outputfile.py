"""Write files atomically, by default readable by their owner only."""

from __future__ import annotations

import contextlib
import os

from kubectl_snapshot.errors import Internal

MODE = 0o600
HINT = "pass a file in a directory that you can write to"


def check_writable(path: str) -> None:
    """Raise Internal if `write_whole` could not write the file; create nothing."""
    directory = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise Internal(f"cannot write {path}", "it is a directory", "pass the path of a file")
    if not os.path.isdir(directory):
        raise Internal(f"cannot write {path}", f"no such directory: {directory}", HINT)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise Internal(f"cannot write {path}", f"no permission to write to {directory}", HINT)


def write_whole(path: str, text: str, mode: int = MODE) -> None:
    """Write a file atomically: a temporary file in its directory is synced and renamed.

    A mode other than the default overrides the umask. Raises Internal with the kernel's message; an
    existing file is then unchanged.
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
