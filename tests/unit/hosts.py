"""Host trees of the tests: the fixtures, and copies of them that a test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

HOSTS = Path(__file__).resolve().parents[1] / "fixtures" / "hosts"
VM_UBUNTU = HOSTS / "vm-ubuntu"
ALL_HOSTS = sorted(path.parent for path in HOSTS.glob("*/HOST.md"))


def copy_host(source: Path, target: Path) -> Path:
    """Return a copy of a host tree below `target`, its links as they are."""
    return Path(shutil.copytree(source, target / source.name, symlinks=True))
