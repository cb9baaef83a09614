"""The Pythons of this machine, by version."""

from __future__ import annotations

import functools
import glob
import os
import shutil
import subprocess
import sys

NAMES = ("python2.7", *(f"python3.{minor}" for minor in range(4, 30)))
OLDEST = (3, 9)


@functools.cache
def installed() -> dict[tuple[int, int], str]:
    """Return one interpreter a version: from PATH, below ~/.pyenv, and the one that runs this."""
    candidates = [path for name in NAMES if (path := shutil.which(name))]
    candidates += glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python"))
    candidates.append(sys.executable)
    found = {read_version(path): os.path.realpath(path) for path in candidates}
    return {version: found[version] for version in sorted(filter(None, found))}


def read_version(path: str) -> tuple[int, int] | None:
    """Return the version of an interpreter, None if it does not run (a pyenv shim without one)."""
    program = "import sys; print('%d %d' % sys.version_info[:2])"
    answer = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return None
    major, minor = answer.stdout.split()
    return int(major), int(minor)


def supported() -> list[str]:
    return [path for version, path in installed().items() if version >= OLDEST]


def too_old() -> list[str]:
    return [path for version, path in installed().items() if version < OLDEST]
