"""The Pythons of this machine, by version."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from functools import lru_cache

NAMES = ("python2.7", *(f"python3.{minor}" for minor in range(4, 30)))


@lru_cache(maxsize=None)
def installed() -> dict[tuple[int, int], str]:
    """Return one interpreter of each version: on PATH, below ~/.pyenv, and the one that runs this."""
    candidates = [shutil.which(name) for name in NAMES]
    candidates += glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python"))
    candidates.append(sys.executable)
    found = {}
    for path in candidates:
        version = read_version(path) if path else None
        if path and version:
            found[version] = os.path.realpath(path)
    return dict(sorted(found.items()))


def read_version(path: str) -> tuple[int, int] | None:
    """Return the version of an interpreter, None if it does not run (a pyenv shim without one)."""
    program = "import sys; print('%d %d' % sys.version_info[:2])"
    answer = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return None
    major, minor = answer.stdout.split()
    return int(major), int(minor)


def supported() -> list[str]:
    return [path for version, path in installed().items() if version >= (3, 9)]


def too_old() -> list[str]:
    return [path for version, path in installed().items() if version < (3, 9)]
