"""The redaction key: generated, or read from a file. Errors never contain it."""

from __future__ import annotations

import os
import stat

from kubectl_snapshot.errors import InvalidRequest, NotFound

# A larger file was probably named by mistake.
MAX_KEY_BYTES = 4096
HINT = "create one with `(umask 077; openssl rand -hex 32 > FILE)`"


def new_key(size_bytes: int) -> bytes:
    """Return `size_bytes` random bytes in hexadecimal.

    The pod reads the key from a file. Of raw bytes, one key in 128 ends in a line break, which
    `read_key` removes.
    """
    return os.urandom(size_bytes).hex().encode("ascii")


def read_key(path: str, min_bytes: int) -> bytes:
    """Return the bytes of a key file without the line break at its end.

    Raises NotFound or InvalidRequest, which names the key's size at most.
    """
    try:
        with open(path, "rb") as file:
            key = file.read(MAX_KEY_BYTES + 1).rstrip(b"\r\n")
    except FileNotFoundError as error:
        raise NotFound(f"no such file: {path}", hint=HINT) from error
    except OSError as error:
        raise InvalidRequest(f"cannot read key file {path}", why=error.strerror or "") from error
    if not min_bytes <= len(key) <= MAX_KEY_BYTES:
        size = f"{len(key)}" if len(key) < min_bytes else f"more than {MAX_KEY_BYTES}"
        why = f"a key has {min_bytes} to {MAX_KEY_BYTES} bytes, this one has {size}"
        raise InvalidRequest(f"invalid key file {path}", why=why, hint=HINT)
    return key


def is_readable_by_others(path: str) -> bool:
    """Return whether the file's mode lets others than its owner read it; False for a pipe."""
    mode = os.stat(path).st_mode
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IRGRP | stat.S_IROTH))
