"""The wheel of a release, installed by pip into a new environment, captures like the built file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster import support
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left
from tests.integration.releases import WHEEL, build_release
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the installed programs; pipx makes such an environment, too."""
    directory = tmp_path_factory.mktemp("installed")
    release = build_release(directory)
    environment = directory / "environment"
    python = environment / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    wheel = release.directory / WHEEL
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    return environment / "bin"


@pytest.fixture
def run_installed(cluster: Cluster, programs: Path, tmp_path: Path) -> Run:
    """Runs the installed program in an empty directory, without dist/ on its PATH."""

    def run(*argv: str) -> Finished:
        environment = {**cluster.environment(), "PATH": f"{programs}:{os.defpath}"}
        environment["HOME"] = str(tmp_path)
        return support.run([str(programs / "kubectl-snapshot"), *argv], environment, 120)

    return run


def test_an_installed_program_captures_a_node(
    cluster: Cluster, run_installed: Run, run_snapshot: Run, namespace: str
) -> None:
    words = ("-n", namespace, "--node", "node2", "--quiet")
    done = run_installed(*words)
    assert (done.returncode, done.stderr) == (0, "")
    snapshot = parse_valid(done.stdout)
    assert snapshot.metadata["source-node"] == "node2"
    assert snapshot.metadata["mode"] == "agent"
    assert subtype(snapshot, "OS", "release").data["VARIANT_ID"] == "node2"
    # No gap and no reading less than with the built file: its dependencies are all there.
    built = parse_valid(run_snapshot(*words).stdout)
    names = [
        [(m.type, s.name, s.status, s.data.keys()) for m in of.measurements for s in m.subtypes]
        for of in (snapshot, built)
    ]
    assert names[0] == names[1]
    assert_nothing_left(cluster)


def test_kubectl_finds_the_installed_program(
    cluster: Cluster, programs: Path, namespace: str
) -> None:
    path = {"PATH": f"{programs}:{os.defpath}"}
    done = cluster.kubectl("snapshot", "--node", "node1", "-n", namespace, "-o", "name", env=path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "node/node1\n"


def test_an_installed_program_captures_this_machine(run_installed: Run) -> None:
    done = run_installed("--local", "--collect", "OS", "-o", "yaml")
    assert done.returncode == 0, done.stderr
    snapshot = parse_valid(done.stdout)
    assert snapshot.metadata["mode"] == "local"
    assert subtype(snapshot, "OS", "sysctl").data["/proc/sys/kernel/ostype"] == "Linux"
