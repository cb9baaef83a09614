"""Caches in the user's cache directory: completion candidates for ten seconds, and others.

An unreadable or unwritable cache counts as empty. No secret is written to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from kubectl_snapshot.clients.files.outputfile import write_whole
from kubectl_snapshot.constants import NAME
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_AGE_S = 10.0


class Cache(NamedTuple):
    """One kind of cached values: its directory, how long a value is valid, and how large it is."""

    name: str
    max_age_s: float
    max_bytes: int


COMPLETION = Cache("completion", MAX_AGE_S, 4 * 1024 * 1024)


def read_recent(key: Sequence[str], env: Mapping[str, str]) -> list[str] | None:
    """Return the cached candidates of a key, None if there are none or they are stale."""
    values = read_cached(COMPLETION, key, env)
    is_list = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return values if is_list else None


def write_recent(key: Sequence[str], values: Sequence[str], env: Mapping[str, str]) -> None:
    """Cache candidates under a key."""
    write_cached(COMPLETION, key, values, env)


def read_cached(cache: Cache, key: Sequence[str], env: Mapping[str, str]) -> Any:
    """Return the cached JSON value of a key, None if there is none or it is stale."""
    path = _locate(cache, key, env)
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            is_own = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
            if not (is_own and 0 <= time.time() - found.st_mtime < cache.max_age_s):
                return None
            return json.loads(file.read(cache.max_bytes))
    except (OSError, ValueError, RecursionError):
        return None


def write_cached(cache: Cache, key: Sequence[str], value: object, env: Mapping[str, str]) -> None:
    """Cache a value as JSON, readable by this user only; delete stale files."""
    path = _locate(cache, key, env)
    text = json.dumps(value) if path else ""
    if not text or len(text) > cache.max_bytes:
        return
    with contextlib.suppress(OSError, SnapshotError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_whole(path, text)
        _delete_stale(os.path.dirname(path), cache.max_age_s)


def _locate(cache: Cache, key: Sequence[str], env: Mapping[str, str]) -> str:
    """Return the cache file of a key, empty if the user has no cache directory."""
    home = env.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(home):  # the XDG specification calls a relative path invalid
        home = os.path.join(env.get("HOME", ""), ".cache")
    try:
        # Under sudo, HOME may be another user's.
        is_own = os.path.isabs(home) and os.stat(home).st_uid == os.geteuid()
    except OSError:
        is_own = False
    name = sha256(json.dumps(list(key)).encode()).hexdigest()
    return os.path.join(home, NAME, cache.name, name) if is_own else ""


def _delete_stale(directory: str, max_age_s: float) -> None:
    oldest = time.time() - max_age_s
    for entry in os.scandir(directory):
        if entry.stat(follow_symlinks=False).st_mtime < oldest:
            os.unlink(entry.path)
