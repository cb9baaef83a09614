"""check and query on what a real cluster's nodes say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cluster.conftest import Finished
from tests.cluster.support import ROOT, Cluster, assert_nothing_left

Run = Callable[..., Finished]

RULES = ROOT / "docs" / "examples" / "rules"
VERSION = "K8s.server.version"


@pytest.fixture
def snapshot(run_snapshot: Run, namespace: str, cluster: Cluster, tmp_path: Path) -> str:
    """A file with a snapshot of the last node, in the lab one with GPUs."""
    path = tmp_path / "node.yaml"
    ended = run_snapshot("-n", namespace, "--node", cluster.nodes[-1], "-o", str(path))
    assert ended.returncode == 0, ended.stderr
    return str(path)


def outcomes(ended: Finished) -> dict[str, str]:
    return {r["name"]: r["outcome"] for r in json.loads(ended.stdout)["results"]}


def test_a_rule_of_each_operator_is_judged_by_what_the_cluster_says(
    cluster: Cluster, run_snapshot: Run, snapshot: str
) -> None:
    version = cluster.client.get("/version")["gitVersion"]
    node = cluster.nodes[-1]
    expected = {
        f"{VERSION} >= 1.30": "held",
        f"{VERSION} <= 1.30": "failed",
        f"{VERSION} > 99": "failed",
        f"{VERSION} < 99": "held",
        f"{VERSION} == {version}": "held",
        f"{VERSION} != {version}": "failed",
        f"{VERSION} {version}": "held",
        f"K8s.node.source-node == {node}": "held",
        "SystemD.containerd.service.ActiveState == active": "held",
        "SystemD.*.ActiveState != failed": "held",
        "K8s.node.provider == x": "unknown",
    }
    words = [word for constraint in expected for word in ("-c", constraint)]
    ended = run_snapshot("check", snapshot, *words, "-o", "json")
    assert ended.returncode == 1
    assert outcomes(ended) == expected


def test_what_is_unknown_fails_under_strict_only(run_snapshot: Run, snapshot: str) -> None:
    words = ["-c", f"{VERSION} >= 1.30", "-c", "K8s.node.provider == x"]
    relaxed = run_snapshot("check", snapshot, *words)
    assert (relaxed.returncode, relaxed.stderr) == (0, "")
    assert relaxed.stdout.endswith("\n1 held, 1 unknown\n")
    assert run_snapshot("check", snapshot, *words, "--strict").returncode == 10


def test_what_was_forbidden_is_unknown_and_says_why(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.client.call("POST", account, {"metadata": {"name": "powerless"}})
    path = str(tmp_path / "a.json")
    words = ["--service-account-name", "powerless", "--cluster-scope", "agent", "-o", path]
    assert run_snapshot("-n", namespace, *words).returncode == 0
    ended = run_snapshot("check", path, "-c", "K8s.node.operating-system == linux")
    assert ended.returncode == 0
    assert "K8s.node is forbidden: " in ended.stdout
    assert 'cannot get resource "nodes"' in ended.stdout


def test_the_rules_that_we_ship_find_what_the_lab_is_like(
    cluster: Cluster, run_snapshot: Run, snapshot: str
) -> None:
    cluster.require_lab()
    # The pinned versions are another site's.
    files = [path for path in sorted(RULES.iterdir()) if path.name != "pinned-node.yaml"]
    words = [word for path in files for word in ("-f", str(path))]
    ended = run_snapshot("check", snapshot, *words, "-o", "json")
    found = outcomes(ended)
    # The lab starts containerd itself, so that tests can stop it, and has fewer than eight GPUs.
    assert [name for name, outcome in found.items() if outcome == "failed"] == [
        "containerd-restart",
        "gpu-count",
    ]
    assert ended.returncode == 1
    held = {name for name, outcome in found.items() if outcome == "held"}
    assert {"containerd-delegate", "kubelet-restart", "driver-runs-cuda-12", "ecc-on"} <= held
    assert {"persistence-mode", "overcommit-memory", "reboot-after-panic"} <= held


def test_a_node_without_gpus_fails_the_rules_that_require_one(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    cluster.require_lab()
    rules = str(RULES / "gpu-node.yaml")
    words = ["--node", "node1", "-n", namespace, "-f", rules, "--strict", "-o", "json"]
    ended = run_snapshot("check", "@live", *words)
    assert ended.returncode == 1, ended.stdout
    assert outcomes(ended)["require: gpu"] == "failed"
    assert_nothing_left(cluster)


def test_a_live_check_captures_by_the_flags_of_a_capture(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    node, junit = cluster.nodes[0], tmp_path / "junit.xml"
    words = ["--node", node, "-n", namespace, "--privileged=false", "-o", str(junit), "--quiet"]
    constraints = ["-c", f"K8s.node.source-node == {node}", "-c", "OS.release.ID == x"]
    ended = run_snapshot("check", "@live", *words, *constraints)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    (suite,) = ElementTree.parse(junit).getroot()
    assert suite.get("hostname") == node
    assert [[child.tag for child in case] for case in suite] == [[], ["skipped"]]
    assert_nothing_left(cluster)


def test_a_live_check_without_a_cluster_is_trouble_and_no_answer(run_snapshot: Run) -> None:
    words = ["check", "@live", "-c", f"{VERSION} >= 1.30", "--server", "https://127.0.0.1:1"]
    ended = run_snapshot(*words)
    assert (ended.returncode, ended.stdout) == (6, "")


def test_values_are_queried_by_path(cluster: Cluster, run_snapshot: Run, snapshot: str) -> None:
    ended = run_snapshot("query", snapshot, "metadata.source-node", VERSION, "-o", "value")
    version = cluster.client.get("/version")["gitVersion"]
    assert ended.stdout == f"{cluster.nodes[-1]}\n{version}\n"
    units = run_snapshot("query", snapshot, "SystemD.*.LoadState", "-o", "json").stdout
    assert json.loads(units)["SystemD.kubelet.service.LoadState"] == "loaded"
    missing = run_snapshot("query", snapshot, "K8s.node.provider")
    assert (missing.returncode, missing.stdout) == (3, "")
