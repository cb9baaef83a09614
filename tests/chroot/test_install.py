"""The ways of docs/install.md, typed by a new user of a bare Debian, with the seconds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_snapshot import __version__
from tests.chroot.conftest import Debian
from tests.cluster.support import Cluster, assert_nothing_left
from tests.integration.releases import ARCHIVE, WHEEL, Release
from tests.lab import build
from tests.validation import parse_valid

USER = 1000
HOME = "home/new"
VERIFY = (
    "minisign -Vm SHA256SUMS -p ../kubectl-snapshot.pub"
    " && sha256sum --check --ignore-missing SHA256SUMS"
)
BINS = (f"/{HOME}/.local/bin", f"/{HOME}/.krew/bin", "/opt/tools", "/usr/bin", "/bin")


@pytest.fixture(scope="module")
def newcomer(debian: Debian, release: Release) -> Iterator[Debian]:
    """A user without rights, with kubectl, krew, a kubeconfig, and a signed release."""
    home, tools = debian.root / HOME, debian.root / "opt/tools"
    home.mkdir(parents=True)
    tools.mkdir()
    shutil.copy(debian.root / "usr/local/bin/kubectl", tools)
    with build.lock():
        build.build_krew()
    shutil.copy(build.BIN / "krew", tools / "kubectl-krew")
    shutil.copytree(debian.root / "root/.kube", home / ".kube")
    sign(shutil.copytree(release.directory, home / "release"), home / "kubectl-snapshot.pub")
    subprocess.run(["chown", "-R", f"{USER}:{USER}", str(home)], check=True)
    download_wheels(release, debian.root / "opt/wheels")
    packages = ("minisign", "pipx")
    done = debian.run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages)
    assert done.returncode == 0, done.stderr
    # In place of PyPI: this machine's own index may need a certificate that Debian does not have.
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/opt/wheels"}
    environment = {**debian.environment, **pip, "PATH": ":".join(BINS), "HOME": f"/{HOME}"}
    yield replace(debian, environment=environment, user=USER)


@pytest.fixture
def shell(newcomer: Debian) -> Iterator[Debian]:
    """The new user, with nothing installed."""
    yield newcomer
    for name in (".local", ".krew", ".cache"):
        shutil.rmtree(newcomer.root / HOME / name, ignore_errors=True)


def sign(release: Path, public: Path) -> None:
    secret = public.with_suffix(".key")
    make = ["minisign", "-G", "-W", "-p", public, "-s", secret]
    sign = ["minisign", "-S", "-s", secret, "-m", release / "SHA256SUMS"]
    for command in (make, sign):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    secret.unlink()


def download_wheels(release: Release, directory: Path) -> None:
    """Download what the wheel depends on, and what pipx keeps for its environments."""
    download = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:"]
    wanted = [str(release.directory / WHEEL), "pip", "setuptools", "wheel"]
    version = "3.11"  # of Debian bookworm
    subprocess.run(
        [*download, "--python-version", version, "-d", str(directory), *wanted], check=True
    )


def type_(shell: Debian, line: str) -> None:
    """Run a line of bash in the release's directory; it has to succeed."""
    done = shell.run("bash", "-c", f"cd ~/release && {line}", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def assert_it_captures(shell: Debian, cluster: Cluster, namespace: str) -> None:
    shown = shell.run("kubectl", "snapshot", "version", "--client", "-o", "json").stdout
    assert f'"version": "{__version__}"' in shown
    node = cluster.nodes[-1]
    done = shell.run("kubectl", "snapshot", "-n", namespace, "--node", node)
    assert done.returncode == 0, done.stderr
    assert parse_valid(done.stdout).metadata["source-node"] == node
    assert_nothing_left(cluster)


def test_by_hand(shell: Debian, cluster: Cluster, namespace: str) -> None:
    type_(shell, "sha256sum --check --ignore-missing SHA256SUMS")
    target = "~/.local/bin"
    unpack = f"tar -xzf kubectl-snapshot-v*-noarch.tar.gz -C {target} kubectl-snapshot"
    type_(shell, f"mkdir -p {target} && {unpack}")
    assert_it_captures(shell, cluster, namespace)


def test_krew(shell: Debian, cluster: Cluster, namespace: str) -> None:
    type_(shell, f"kubectl krew install --manifest=snapshot.yaml --archive={ARCHIVE}")
    assert_it_captures(shell, cluster, namespace)


def test_pipx(shell: Debian, cluster: Cluster, namespace: str) -> None:
    type_(shell, f"pipx install ./{WHEEL}")
    assert_it_captures(shell, cluster, namespace)
    type_(shell, "pipx uninstall kubectl-snapshot")
    assert shell.run("kubectl", "snapshot", "version", "--client").returncode != 0


def test_an_untouched_release_is_verified(shell: Debian) -> None:
    type_(shell, VERIFY)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (ARCHIVE, f"{ARCHIVE}: FAILED"),
        ("SHA256SUMS", "Signature verification failed"),
        ("SHA256SUMS.minisig", "ignature verification failed"),
    ],
)
def test_a_tampered_release_is_refused(shell: Debian, name: str, words: str) -> None:
    path = shell.root / HOME / "release" / name
    before = path.read_bytes()
    # Of the signature's file a byte of the signature: its first line is a comment.
    at = before.index(b"\n") + 20 if name.endswith(".minisig") else len(before) // 2
    other = b"B" if before[at : at + 1] == b"A" else b"A"
    path.write_bytes(before[:at] + other + before[at + 1 :])
    try:
        done = shell.run("bash", "-c", f"cd ~/release && {VERIFY}")
    finally:
        path.write_bytes(before)
    assert done.returncode == 1
    assert words in done.stdout + done.stderr
