"""Host trees of the tests: the fixtures, and copies of them that a test may change."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

HOSTS = Path(__file__).resolve().parents[1] / "fixtures" / "hosts"
VM_UBUNTU = HOSTS / "vm-ubuntu"
ALL_HOSTS = sorted(path.parent for path in HOSTS.glob("*/HOST.md"))


def copy_host(source: Path, target: Path) -> Path:
    """Return a copy of a host tree below `target`, its links as they are."""
    return Path(shutil.copytree(source, target / source.name, symlinks=True))


def write_files(directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files, texts with the newline that the kernel ends them with; return the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())
    return directory
