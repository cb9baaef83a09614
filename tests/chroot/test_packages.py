"""The Debian and RPM packages of a release: installed, used, removed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_snapshot import __version__
from tests.chroot.conftest import Debian
from tests.cluster.support import Cluster, assert_nothing_left
from tests.integration.releases import ROOT, Release
from tests.lab import build
from tests.lab.machine import wait_for
from tests.validation import parse_valid

MAN_PAGE = "usr/share/man/man1/kubectl-snapshot-diff.1.gz"
PROGRAMS = ("usr/bin/kubectl-snapshot", "usr/bin/kubectl_complete-snapshot")


@pytest.fixture
def installed(debian: Debian, release: Release) -> Iterator[Debian]:
    """The chroot with the package in place of the unpacked archive; removed afterwards."""
    unpacked = debian.root / "usr/local/bin"
    kept = unpacked.rename(debian.root / "root/unpacked")
    shutil.copytree(kept, unpacked, ignore=shutil.ignore_patterns("*snapshot"))
    [package] = release.directory.glob("*.deb")
    shutil.copy(package, debian.root / "root")
    done = debian.run("apt-get", "install", "-qq", "-y", f"/root/{package.name}")
    assert done.returncode == 0, done.stderr
    yield debian
    done = debian.run("apt-get", "remove", "-qq", "-y", "kubectl-snapshot")
    assert done.returncode == 0, done.stderr
    assert not any((debian.root / name).exists() for name in (*PROGRAMS, MAN_PAGE))
    shutil.rmtree(unpacked)
    kept.rename(unpacked)


def test_the_debian_package_captures_and_completes(
    installed: Debian, cluster: Cluster, namespace: str
) -> None:
    shown = installed.run("kubectl", "snapshot", "version", "--client", "-o", "json")
    assert f'"version": "{__version__}"' in shown.stdout
    wait_for("the nodes to be offered", lambda: installed.complete_nodes() >= set(cluster.nodes))
    node = cluster.nodes[-1]
    done = installed.run("kubectl", "snapshot", "-n", namespace, "--node", node)
    assert done.returncode == 0, done.stderr
    assert parse_valid(done.stdout).metadata["source-node"] == node
    assert_nothing_left(cluster)


def test_the_debian_package_needs_python(installed: Debian) -> None:
    assert installed.run("dpkg-query", "-W", "-f", "${Depends}", "kubectl-snapshot").stdout == (
        "python3 (>= 3.9)"
    )
    assert (installed.root / MAN_PAGE).is_file()
    assert installed.run("dpkg", "--verify", "kubectl-snapshot").stdout == ""


def test_the_rpm_has_the_same_files_and_needs_python(release: Release, tmp_path: Path) -> None:
    if not shutil.which("rpm"):
        pytest.skip("missing rpm")
    [package] = release.directory.glob("*.rpm")
    root = tmp_path / "root"
    rpm = ["rpm", "--root", str(root), "--dbpath", "/rpm"]
    install = [*rpm, "--install", "--nodeps", "--ignorearch", str(package)]
    subprocess.run(install, check=True)
    try:
        requires = ["rpm", "-qp", "--requires", str(package)]
        needed = subprocess.run(requires, check=True, capture_output=True, text=True).stdout
        assert "python3 >= 3.9" in needed.splitlines()
        verify = [*rpm, "--verify", "--nodeps", "kubectl-snapshot"]
        assert subprocess.run(verify, capture_output=True, text=True, check=False).stdout == ""
        program = root / PROGRAMS[0]
        assert program.read_bytes() == (release.directory / "kubectl-snapshot").read_bytes()
        assert all((root / name).stat().st_mode & 0o777 == 0o755 for name in PROGRAMS)
        assert (root / MAN_PAGE).is_file()
    finally:
        subprocess.run([*rpm, "--erase", "kubectl-snapshot"], check=True)
    assert not any((root / name).exists() for name in (*PROGRAMS, MAN_PAGE))


def test_packages_built_twice_have_the_same_bytes(release: Release, tmp_path: Path) -> None:
    again = run_again(release, tmp_path / "again")
    for suffix in ("deb", "rpm"):
        [first] = release.directory.glob(f"*.{suffix}")
        assert (again / first.name).read_bytes() == first.read_bytes()


def run_again(release: Release, output: Path) -> Path:
    """Build the packages of the same program once more, in another time zone."""
    output.mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import packages; from pathlib import Path;"
        " packages.build_packages(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])"
    )
    words = [str(ROOT / "scripts"), str(output), str(release.directory / "kubectl-snapshot")]
    subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-c", program, *words, __version__],
        env={"PATH": f"{build.BIN}:/usr/bin:/bin", "TZ": "Asia/Kolkata", "HOME": "/root"},
        check=True,
    )
    return output
