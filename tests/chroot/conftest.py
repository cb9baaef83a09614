"""Fixtures of the chroot tests: those of the cluster tests, and a minimal Debian by debootstrap.

From this machine come only kubectl, the kubeconfig and the release archive, unpacked as a user
would; nothing is mounted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster.conftest import cluster, namespace
from tests.cluster.support import Cluster
from tests.integration.releases import ARCHIVE, Release, build_release
from tests.lab import build

__all__ = ["cluster", "namespace"]

SUITE = "bookworm"
PATH = "/usr/local/bin:/usr/bin:/bin"
LIBRARY = "libpython3-stdlib"

Finished = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Debian:
    root: Path
    user: int = 0
    environment: Mapping[str, str] = field(
        default_factory=lambda: {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
    )

    def run(self, *words: str, timeout: float = 120) -> Finished:
        """Run a command in the chroot; its output is printed for `pytest -rP`."""
        variables = [f"{name}={text}" for name, text in self.environment.items()]
        user = f"--userspec={self.user}:{self.user}"
        command = ["chroot", user, str(self.root), "/usr/bin/env", "-i", *variables, *words]
        began = time.monotonic()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )
        shown = (done.stdout + done.stderr).splitlines()
        seconds = time.monotonic() - began
        print(
            f"# {' '.join(words)}    ({seconds:.1f} s)",
            *shown[:12],
            *["…"] * (len(shown) > 12),
            sep="\n",
        )
        return done

    def complete_nodes(self) -> set[str]:
        """Return what is offered after `--node`; nothing if the API server is slow to answer."""
        offered = self.run("kubectl", "__complete", "snapshot", "--node", "").stdout
        return {line.split("\t")[0] for line in offered.splitlines()}


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release with Debian and RPM packages."""
    if not shutil.which("go"):
        pytest.skip("missing Go, to build nfpm")
    with build.lock():
        build.build_nfpm()
    path = f"{build.BIN}{os.pathsep}{os.environ['PATH']}"
    return build_release(tmp_path_factory.mktemp("release"), "--packages", PATH=path)


@pytest.fixture(scope="session")
def minimal(
    cluster: Cluster, release: Release, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Debian]:
    """Debian with python3-minimal, kubectl, and the archive of a release unpacked."""
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("missing root or debootstrap")
    root = tmp_path_factory.mktemp("chroot") / "root"
    bootstrap = ["debootstrap", "--variant=minbase", "--include=python3-minimal", SUITE, str(root)]
    subprocess.run([*bootstrap, *find_mirror()], check=True, stdout=subprocess.DEVNULL)
    bin_directory = root / "usr/local/bin"
    unpack = ["tar", "-xzf", str(release.directory / ARCHIVE), "-C", str(bin_directory)]
    subprocess.run([*unpack, "kubectl-snapshot"], check=True)
    shutil.copy(cluster.kubectl_path, bin_directory / "kubectl")
    (root / "root/.kube").mkdir()
    shutil.copy(cluster.kubeconfig, root / "root/.kube/config")
    yield Debian(root)
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def refused(minimal: Debian) -> Finished:
    """The output of the program with python3-minimal only."""
    return minimal.run("kubectl", "snapshot", "version")


@pytest.fixture(scope="session")
def debian(minimal: Debian, refused: Finished) -> Debian:
    """The same after installing the package that the error names: the rest of the library."""
    done = minimal.run("apt-get", "install", "-qq", "-y", "--no-install-recommends", LIBRARY)
    assert done.returncode == 0, done.stderr
    return minimal


def find_mirror() -> list[str]:
    """Return the mirror of this machine's apt for the suite; none for debootstrap's default."""
    question = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    asked = subprocess.run([*question, f"Codename: {SUITE}"], capture_output=True, text=True)
    return asked.stdout.split()[:1]
