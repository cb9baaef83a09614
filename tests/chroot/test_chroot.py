"""The release archive, unpacked by hand on a Debian with little more than python3-minimal."""

from __future__ import annotations

from kubectl_snapshot import __version__
from tests.chroot.conftest import Debian, Finished
from tests.cluster.support import Cluster, assert_nothing_left
from tests.lab.machine import wait_for
from tests.validation import parse_valid

PYTHON_PACKAGES = {
    "libpython3-stdlib",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "python3-minimal",
    "python3.11-minimal",
}


def test_with_python3_minimal_alone_the_error_names_the_package(refused: Finished) -> None:
    assert refused.returncode == 2
    assert "has no module" in refused.stderr
    assert "apt-get install python3\n" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_there_is_no_other_python_package(debian: Debian) -> None:
    shown = debian.run("dpkg-query", "-W", "-f", "${Package}\n").stdout.split()
    assert {name for name in shown if "python" in name} == PYTHON_PACKAGES


def test_version_prints_client_and_server(debian: Debian) -> None:
    done = debian.run("kubectl", "snapshot", "version")
    assert done.returncode == 0, done.stderr
    assert __version__ in done.stdout


def test_kubectl_completes_through_the_installed_shim(debian: Debian, cluster: Cluster) -> None:
    done = debian.run("kubectl", "snapshot", "completion", "bash", "--install")
    assert done.returncode == 0, done.stderr
    wait_for("the nodes to be offered", lambda: debian.complete_nodes() >= set(cluster.nodes))


def test_it_captures_a_node(debian: Debian, cluster: Cluster, namespace: str) -> None:
    node = cluster.nodes[-1]
    done = debian.run("kubectl", "snapshot", "-n", namespace, "--node", node)
    assert done.returncode == 0, done.stderr
    assert parse_valid(done.stdout).metadata["source-node"] == node
    assert_nothing_left(cluster)
