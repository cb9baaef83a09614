"""Releases for tests: scripts/release on a copy of what a release is made of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from kubectl_snapshot import __version__

ROOT = Path(__file__).resolve().parents[2]
# A copy of these, so that nobody who edits meanwhile can tell two builds apart.
SOURCES = (
    "changelog.d",
    "distribution",
    "kubectl_snapshot",
    "krew",
    "requirements",
    "scripts",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "setup.cfg",
)
ARCHIVE = f"kubectl-snapshot-v{__version__}-noarch.tar.gz"
SBOM = f"kubectl-snapshot-v{__version__}.cdx.json"
SPDX = f"kubectl-snapshot-v{__version__}.spdx.json"
PROVENANCE = f"kubectl-snapshot-v{__version__}.intoto.json"
CHART = f"kubectl-snapshot-schedule-{__version__}.tgz"
WHEEL = f"kubectl_snapshot-{__version__}-py3-none-any.whl"

Finished = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Release:
    checkout: Path
    directory: Path


def build_release(directory: Path, *words: str, **env: str) -> Release:
    """Build a release below a directory, with nothing of an earlier build."""
    checkout = copy_checkout(directory / "checkout")
    output, work = directory / "out", directory / "work"
    flags = [f"--output={output}", f"--work={work}", *words]
    done = run_script(checkout, "release", *flags, **env)
    assert done.returncode == 0, done.stderr
    return Release(checkout, output)


def copy_checkout(target: Path) -> Path:
    target.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, target / name, ignore=ignore, copy_function=shutil.copy)
        else:
            shutil.copy(ROOT / name, target / name)
    return target


def run_script(checkout: Path, name: str, *words: str, **env: str) -> Finished:
    command = [sys.executable, "-B", str(checkout / "scripts" / name), *words]
    environment = {**os.environ, **env}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
