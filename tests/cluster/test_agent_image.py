"""`--agent image`, with the image that scripts/build-image makes on the stock one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left
from tests.integration.releases import ROOT
from tests.lab import images
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]
REFERENCE = "example.org/kubectl-snapshot:test"
STOCK_IMAGE = images.IMAGES / "python-3.11.tar"


@pytest.fixture(scope="module")
def image(cluster: Cluster, zipapp: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The reference of the image, which every node has."""
    archive = tmp_path_factory.mktemp("image") / "agent.tar"
    options = {"base": STOCK_IMAGE, "zipapp": zipapp, "output": archive, "tag": REFERENCE}
    flags = [f"--{name}={value}" for name, value in options.items()]
    cluster.require_lab()
    program = ROOT / "scripts" / "build-image"
    subprocess.run([sys.executable, str(program), *flags], check=True, stdout=subprocess.DEVNULL)
    cluster.load_image(archive)
    return REFERENCE


def test_it_needs_no_config_map(
    cluster: Cluster, run_snapshot: Run, namespace: str, image: str
) -> None:
    before = cluster.audit_size()
    words = ["--agent", "image", "--image", image, "--privileged=host-read"]
    ended = run_snapshot("-n", namespace, *words, "--node", "node2")
    assert ended.returncode == 0, ended.stderr
    assert subtype(parse_valid(ended.stdout), "OS", "release").data["VARIANT_ID"] == "node2"
    made = {
        event["objectRef"]["resource"]
        for event in cluster.audit(before)
        if event.get("userAgent", "").startswith("kubectl-snapshot/") and event["verb"] == "create"
    }
    assert made == {"selfsubjectrulesreviews", "jobs", "pods", "secrets"}
    assert_nothing_left(cluster)


def test_it_runs_where_pods_are_restricted(
    cluster: Cluster, run_snapshot: Run, restricted_namespace: str, image: str
) -> None:
    words = ["--agent", "image", "--image", image, "--privileged=false", "--node", "node1"]
    ended = run_snapshot("-n", restricted_namespace, *words)
    assert ended.returncode == 0, ended.stderr
    snapshot = parse_valid(ended.stdout)
    assert snapshot.metadata["mode"] == "agent-unprivileged"
    assert subtype(snapshot, "OS", "release").status == "unavailable"
    assert_nothing_left(cluster)


def test_by_itself_it_is_not_root_and_prints_the_help(
    cluster: Cluster, namespace: str, image: str
) -> None:
    words = [f"--image={image}", "--restart=Never", "--quiet", "-n", namespace]
    overrides = '--overrides={"spec": {"securityContext": {"runAsNonRoot": true}}}'
    run = cluster.kubectl("run", "help", *words, overrides)
    assert run.returncode == 0, run.stderr
    wait = ("wait", "pod/help", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=110s")
    ended = cluster.kubectl("-n", namespace, *wait)
    assert ended.returncode == 0, ended.stderr
    assert "kubectl snapshot" in cluster.kubectl("-n", namespace, "logs", "help").stdout
