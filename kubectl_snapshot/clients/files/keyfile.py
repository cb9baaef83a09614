"""The key that secrets are redacted by: made anew, or read from a file. It is told to nobody."""

from __future__ import annotations

import os

from kubectl_snapshot.errors import InvalidRequest, NotFound

# More is no key; a file of that size was named by mistake.
MAX_KEY_BYTES = 4096
HINT = "make one with `(umask 077; openssl rand -hex 32 > FILE)`"


def new_key(size_bytes: int) -> bytes:
    """Return a random key."""
    return os.urandom(size_bytes)


def read_key(path: str, min_bytes: int) -> bytes:
    """Return a file's content without the line break at its end, whatever else it is.

    Raises NotFound or InvalidRequest, which names its size at most.
    """
    try:
        with open(path, "rb") as file:
            key = file.read(MAX_KEY_BYTES + 1).rstrip(b"\r\n")
    except FileNotFoundError as error:
        raise NotFound(f"there is no key file {path}", hint=HINT) from error
    except OSError as error:
        raise InvalidRequest(
            f"cannot read the key file {path}", why=error.strerror or ""
        ) from error
    if not min_bytes <= len(key) <= MAX_KEY_BYTES:
        size = f"it has {len(key)} bytes" if len(key) < min_bytes else "it is larger"
        limits = f"{min_bytes} to {MAX_KEY_BYTES} bytes"
        raise InvalidRequest(f"the key file {path} holds no key of {limits}", why=size, hint=HINT)
    return key


def is_readable_by_others(path: str) -> bool:
    """Return whether the file's mode lets more than its owner read it; a pipe's counts for none."""
    import stat

    mode = os.stat(path).st_mode
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IRGRP | stat.S_IROTH))
