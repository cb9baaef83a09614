"""GPUs by the child process, which imports from where the zipapp does: tree, zip or memfd."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from kubectl_snapshot.job.bootstrap import build_command
from tests.integration.conftest import Build
from tests.unit.gpus import LIBRARY, add_kernel_module, build_driver, configure
from tests.validation import parse_valid, subtype


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("host")
    directory = root / "usr/lib64"
    directory.mkdir(parents=True)
    build_driver(directory)
    configure(directory / LIBRARY)
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    add_kernel_module(root)
    return root


@pytest.mark.parametrize("place", ["zip", "tree", "memory"])
def test_gpus_are_read_wherever_the_packages_are(
    build: Build, root: Path, tmp_path: Path, python: str, place: str
) -> None:
    env = {"PATH": os.defpath}
    start = [python, "-IB", str(build.zipapp)]
    if place == "tree":
        env["XDG_CACHE_HOME"] = str(tmp_path)
        version = [*start, "version", "-o", "json"]
        subprocess.run(version, env=env, capture_output=True, check=False)  # makes the tree
        assert list(tmp_path.glob("kubectl-snapshot/*/pynvml.py"))
    elif place == "memory":
        digest = hashlib.sha256(build.zipapp.read_bytes()).hexdigest()
        start = [python, *build_command(digest, str(build.zipapp))[1:]]
    command = [*start, "collect", f"--host-root={root}", "--quiet"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    snapshot = parse_valid(done.stdout)
    assert subtype(snapshot, "GPU", "smi").data["gpu-count"] == 2
    assert subtype(snapshot, "GPU", "gpu-1").status == "ok"
