"""Captures of a node that runs CRI-O, as the nodes of OpenShift do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.support import Cluster, assert_nothing_left, temporary_namespace
from tests.lab import build, cri_o
from tests.lab.machine import wait_for
from tests.validation import parse_valid, subtype

Run = Callable[..., subprocess.CompletedProcess[str]]
NODE = "node2"


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> str:
    """A node of the lab, which is of CRI-O from now on."""
    with build.lock():
        cri_o.build_cri_o()
    cri_o.use_cri_o(cluster.require_lab(), NODE)

    def is_ready() -> bool:
        status = cluster.client.get(f"/api/v1/nodes/{NODE}")["status"]
        ready = [c["status"] for c in status["conditions"] if c["type"] == "Ready"]
        return ready == ["True"] and status["nodeInfo"]["containerRuntimeVersion"].startswith("cri")

    wait_for("the node to be ready with CRI-O", is_ready, seconds=60)
    return NODE


@pytest.fixture
def place(cluster: Cluster) -> Iterator[str]:
    with temporary_namespace(cluster) as name:
        yield name


def test_a_node_of_cri_o_is_captured_and_says_how_it_is_configured(
    run_snapshot: Run, node: str, place: str, cluster: Cluster
) -> None:
    ended = run_snapshot("-n", place, "--node", node, "--privileged=host-read")
    assert ended.returncode == 0, ended.stderr
    snapshot = parse_valid(ended.stdout)
    assert subtype(snapshot, "K8s", "node").data["container-runtime-name"] == "cri-o"
    found = subtype(snapshot, "Runtime", "cri-o")
    assert found.status == "ok"
    assert found.data["runtime.default_runtime"] == "runc"
    assert found.data["files"] == "/etc/crio/crio.conf"
    assert_nothing_left(cluster)


def test_a_pod_without_privileges_runs_on_it(run_snapshot: Run, node: str, place: str) -> None:
    ended = run_snapshot("-n", place, "--node", node, "--privileged=false")
    assert ended.returncode == 0, ended.stderr
    assert parse_valid(ended.stdout).metadata["source-node"] == node


def test_a_fleet_of_both_runtimes_is_captured(
    run_snapshot: Run, node: str, place: str, cluster: Cluster, tmp_path: Path
) -> None:
    directory = tmp_path / "fleet"
    words = ("--all-nodes", "--privileged=host-read", "-o", f"{directory}/")
    ended = run_snapshot("-n", place, *words)
    assert ended.returncode == 0, ended.stderr
    captured = sorted(path.stem for path in (directory / "nodes").iterdir())
    assert captured == sorted(cluster.nodes)
    assert_nothing_left(cluster)
