"""The kubectl programs to compare with, built from source like the lab's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.lab import build
from tests.matrix.versions import KUBERNETES

# SNAPSHOT_PARITY=all compares with every version of the matrix, as `make test-matrix` does.
ALL = os.environ.get("SNAPSHOT_PARITY") == "all"


def versions() -> tuple[str, ...]:
    """Return the versions to compare with: the lab's, or all of the matrix."""
    return KUBERNETES if ALL else (build.KUBERNETES,)


def kubectl_path(version: str) -> Path:
    """Return where kubectl of this version is or will be."""
    return build.CACHE.parent / version / "bin" / "kubectl"


def ensure_kubectl(version: str) -> Path:
    """Return kubectl of this version; builds it once, which takes minutes."""
    path = kubectl_path(version)
    if not path.exists():
        environment = {**os.environ, "SNAPSHOT_LAB_KUBERNETES": version}
        command = [sys.executable, "-m", "tests.lab.cli", "build-kubectl"]
        subprocess.run(command, env=environment, check=True)
    return path
