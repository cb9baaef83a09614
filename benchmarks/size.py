"""Measure the zipapp's size, and whether a clean build reproduces its bytes."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.budgets import BUDGETS, Row
from benchmarks.startup import ROOT, ZIPAPP

PACKAGES = "site-packages.zip"
CLEAN_BUILDS = "clean builds whose bytes differ"


def measure_size() -> list[Row]:
    content = ZIPAPP.read_bytes()
    sizes = {"zipapp": len(content), "our code and all licences in it": read_own_bytes()}
    differing = int(content != build_clean())
    return [
        *(Row(name, value, "B", BUDGETS[name]) for name, value in sizes.items()),
        Row(CLEAN_BUILDS, differing, "of 1", BUDGETS[CLEAN_BUILDS]),
    ]


def read_own_bytes() -> int:
    """Return the compressed size of all but the dependencies' code, as the build counts it."""
    with zipfile.ZipFile(ZIPAPP) as archive:
        front = [m for m in archive.infolist() if m.filename != PACKAGES]
        with zipfile.ZipFile(io.BytesIO(archive.read(PACKAGES))) as packages:
            own = [m for m in packages.infolist() if is_own(m.filename)]
    return sum(member.compress_size for member in (*front, *own))


def is_own(name: str) -> bool:
    package = name.partition("/")[0]
    return package == "kubectl_snapshot" or package.endswith(".dist-info")


def build_clean() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "kubectl-snapshot"
        build = [sys.executable, str(ROOT / "scripts" / "build-zipapp"), "--output", str(output)]
        subprocess.run(
            [*build, "--work", f"{directory}/work"], check=True, stdout=subprocess.DEVNULL
        )
        return output.read_bytes()
