"""One capture for each Python of client and agent, on the running Kubernetes cluster.

The second column of the table is the client's interpreter, the third the agent's.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Callable

import pytest

from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.job.preflight.report import TESTED_MINORS
from tests.cluster import support
from tests.docs_support import validate_document
from tests.integration.pythons import installed, supported
from tests.lab import build, images

IMAGE = "docker.io/library/python:{}-slim"
STOCK = "3.11"
HERE = "Python {}.{}".format(*sys.version_info[:2])
VERSIONS = {path: "{}.{}".format(*version) for version, path in installed().items()}
CLIENTS = supported()
# Versions of images; the lab builds them from the same interpreters.
AGENTS = {VERSIONS[path]: path for path in CLIENTS}

Record = Callable[[str, object], None]
Capture = Callable[..., None]


@pytest.fixture(scope="session")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return support.ensure_zipapp(tmp_path_factory.mktemp("zipapp"))


@pytest.fixture(scope="session")
def version(cluster: support.Cluster) -> str:
    """The version that the API server reports."""
    return str(cluster.client.get("/version")["gitVersion"])


@pytest.fixture
def capture(
    cluster: support.Cluster, version: str, namespace: str, record_property: Record
) -> Capture:
    """Capture the last node as an administrator, without gaps or leftover objects."""

    def run(*command: str, client: str, agent: str = STOCK) -> None:
        record_property("kubernetes", version)
        record_property("started by", client)
        record_property("agent", f"python:{agent}-slim")
        node_name = cluster.nodes[-1]
        flags = ["-n", namespace, "--node", node_name, "--image", IMAGE.format(agent)]
        began = time.monotonic()
        done = support.run([*command, *flags], cluster.environment(), timeout=120)
        record_property("seconds", f"{time.monotonic() - began:.1f}")
        assert done.returncode == 0, done.stderr
        validate_document(done.stdout)
        support.assert_nothing_left(cluster)
        snapshot = parse_document(done.stdout)
        assert snapshot.metadata["source-node"] == node_name
        assert read_server_version(snapshot) == version
        assert "gaps" not in snapshot.metadata

    return run


def read_server_version(snapshot: Snapshot) -> object:
    (found,) = (m for m in snapshot.measurements if m.type == "K8s")
    return next(subtype.data["version"] for subtype in found.subtypes if subtype.name == "server")


def test_preflight_lists_this_kubernetes_as_tested(
    cluster: support.Cluster,
    version: str,
    namespace: str,
    zipapp: Path,
    record_property: Record,
) -> None:
    record_property("kubernetes", version)
    record_property("started by", f"kubectl {version}, preflight")
    done = cluster.kubectl("snapshot", "preflight", "-n", namespace, "--node", cluster.nodes[-1])
    low, high = TESTED_MINORS
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{version}; tested versions: 1.{low} to 1.{high}" in done.stdout
    support.assert_nothing_left(cluster)


def test_kubectl_of_this_version_captures(
    cluster: support.Cluster, version: str, zipapp: Path, capture: Capture
) -> None:
    capture(cluster.kubectl_path, "snapshot", client=f"kubectl {version}, {HERE}")


@pytest.mark.parametrize("python", CLIENTS, ids=VERSIONS.get)
def test_every_python_captures(python: str, zipapp: Path, capture: Capture) -> None:
    capture(python, str(zipapp), client=f"Python {VERSIONS[python]}")


@pytest.mark.parametrize("agent", AGENTS)
def test_the_agent_runs_in_every_python(
    agent: str, cluster: support.Cluster, zipapp: Path, capture: Capture
) -> None:
    if cluster.is_lab and agent != STOCK:
        with build.lock():
            reference, archive = images.ensure_python_image(AGENTS[agent])
        assert reference == IMAGE.format(agent)
        cluster.load_image(archive)
    capture(support.PYTHON, str(zipapp), client=HERE, agent=agent)
