"""A capture of a real node, at each privilege level and cluster scope; nothing is left of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.node_collectors import NODE_MODULES
from kubectl_snapshot.collectors.run.context import NODE
from kubectl_snapshot.constants import NAME
from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

NAMESPACED = ("hostname", "domainname", "sem", "msgmax", "shmmax", "shmall")


def capture(run: Run, *words: str, code: int = 0, **settings: Any) -> Snapshot:
    ended = run(*words, **settings)
    assert ended.returncode == code, ended.stderr
    return parse_valid(ended.stdout)


def read_sysctl(snapshot: Snapshot, name: str) -> object:
    return subtype(snapshot, "OS", "sysctl").data.get(f"/proc/sys/{name}")


def test_kubectl_captures_the_node_of_a_selector(
    cluster: Cluster, zipapp: Path, namespace: str, tmp_path: Path
) -> None:
    path = tmp_path / "snap.yaml"
    selector = ["--node-selector", "kubernetes.io/hostname=node2"]
    ended = cluster.kubectl("snapshot", *selector, "-n", namespace, "-o", str(path))
    assert ended.returncode == 0, ended.stderr
    snapshot = parse_valid(path.read_text())
    assert snapshot.metadata["source-node"] == "node2"
    assert snapshot.metadata["mode"] == "agent"
    assert "gaps" not in snapshot.metadata
    assert_nothing_left(cluster)


@pytest.mark.parametrize("level", ["true", "host-read"])
def test_a_node_is_reported_in_its_own_values(
    cluster: Cluster, run_snapshot: Run, namespace: str, level: str
) -> None:
    words = ["-n", namespace, "--node", "node2", f"--privileged={level}"]
    snapshot = capture(run_snapshot, *words)
    assert subtype(snapshot, "OS", "release").data["VARIANT_ID"] == "node2"
    assert read_sysctl(snapshot, "kernel/hostname") == "node2"
    for name in ("vm/swappiness", "kernel/osrelease", "kernel/msgmax", "kernel/sem"):
        reported = cluster.node_exec("node2", "cat", f"/proc/sys/{name}").strip()
        assert read_sysctl(snapshot, name) == reported, name
    command_line = cluster.node_exec("node2", "cat", "/proc/cmdline").split()
    assert subtype(snapshot, "OS", "grub").data.keys() >= {
        word.split("=")[0] for word in command_line if not word.startswith("root=")
    }
    assert_nothing_left(cluster)


def test_kubernetes_says_the_same_as_kubectl(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    snapshot = capture(run_snapshot, "-n", namespace, "--node", "node1")
    reported = json.loads(cluster.kubectl("get", "--raw", "/version").stdout)
    server = subtype(snapshot, "K8s", "server").data
    assert (server["version"], server["platform"]) == (reported["gitVersion"], reported["platform"])
    node = json.loads(cluster.kubectl("get", "node", "node1", "-o", "json").stdout)
    info = node["status"]["nodeInfo"]
    data = subtype(snapshot, "K8s", "node").data
    assert data["source-node"] == "node1"
    assert data["kernel-version"] == info["kernelVersion"]
    assert data["container-runtime-id"] == info["containerRuntimeVersion"]
    assert data["kubelet-version"] == info["kubeletVersion"]


def test_a_restricted_pod_passes_nothing_of_its_own_off_as_the_nodes(
    cluster: Cluster, run_snapshot: Run, restricted_namespace: str
) -> None:
    words = ["-n", restricted_namespace, "--node", "node2", "--privileged=false"]
    snapshot = capture(run_snapshot, *words)
    assert snapshot.metadata["mode"] == "agent-unprivileged"
    release = subtype(snapshot, "OS", "release")
    assert (release.data, release.status) == ({}, "unavailable")
    sysctl = subtype(snapshot, "OS", "sysctl")
    assert sysctl.status == "partial"
    assert not [name for name in NAMESPACED if f"/proc/sys/kernel/{name}" in sysctl.data]
    assert "OS.release=unavailable" in snapshot.metadata["gaps"]
    assert "OS.sysctl=partial" in snapshot.metadata["gaps"]
    assert_nothing_left(cluster)


def test_the_agent_reads_the_cluster_with_rights_that_come_and_go(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    before = cluster.audit_size()
    words = ["-n", namespace, "--node", "node2", "--cluster-scope", "agent"]
    snapshot = capture(run_snapshot, *words)
    run_id = snapshot.metadata["run-id"]
    assert snapshot.metadata["cluster-scope"] == "agent"
    assert subtype(snapshot, "K8s", "node").data["source-node"] == "node2"
    assert_nothing_left(cluster, run_id)
    account = f"system:serviceaccount:{namespace}:kubectl-snapshot-{run_id}"
    events = [e for e in cluster.audit(before) if e["user"]["username"] == account]
    assert {event["verb"] for event in events} == {"get", "list"}
    assert "/api/v1/nodes/node2" in {event["requestURI"] for event in events}


@pytest.mark.parametrize(
    ("words", "types", "scope"),
    [
        (["--collect", "OS,K8s"], ["K8s", "OS"], "client"),
        (["--skip", "K8s,NodeTopology"], [*NODE_MODULES], "skip"),
        (["--collect", "NodeTopology", "--cluster-scope", "agent"], ["NodeTopology"], "agent"),
    ],
)
def test_the_chosen_types_are_in_the_document_and_no_others(
    cluster: Cluster,
    run_snapshot: Run,
    namespace: str,
    words: list[str],
    types: list[str],
    scope: str,
) -> None:
    snapshot = capture(run_snapshot, "-n", namespace, "--node", "node2", *words)
    assert [m.type for m in snapshot.measurements] == types
    assert snapshot.metadata["collectors"] == ",".join(types)
    assert snapshot.metadata["cluster-scope"] == scope
    assert_nothing_left(cluster, snapshot.metadata["run-id"])


def test_a_skipped_scope_asks_the_cluster_nothing(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    before = cluster.audit_size()
    snapshot = capture(run_snapshot, "-n", namespace, "--cluster-scope", "skip")
    node_types = [c.TYPE for c in ALL_COLLECTORS.values() if c.SCOPE == NODE]
    assert [m.type for m in snapshot.measurements] == node_types
    assert snapshot.metadata["cluster-scope"] == "skip"
    # Kubelets read their Node at any time, so only the program's own requests count.
    ours = [e for e in cluster.audit(before) if e.get("userAgent", "").startswith(f"{NAME}/")]
    uris = {event["requestURI"].partition("?")[0] for event in ours}
    assert any(uri.endswith(f"/namespaces/{namespace}/pods") for uri in uris), uris
    assert not [uri for uri in uris if uri.startswith("/api/v1/nodes/") and "proxy" not in uri]


def test_without_a_choice_a_gpu_node_is_preferred(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    assert capture(run_snapshot, "-n", namespace).metadata["source-node"] == "node2"


def test_the_agent_runs_on_the_oldest_and_the_newest_python(
    run_snapshot: Run, namespace: str, python_images: Mapping[str, str]
) -> None:
    for image in python_images.values():
        for level in ("host-read", "false"):
            words = ["-n", namespace, "--node", "node2", f"--privileged={level}"]
            snapshot = capture(run_snapshot, *words, "--image", image)
            assert subtype(snapshot, "OS", "grub").status == "ok", image


def test_no_verb_but_get_and_list_reads_the_cluster(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    before = cluster.audit_size()
    snapshot = capture(run_snapshot, "-n", namespace)
    agent = f"kubectl-snapshot/{snapshot.metadata['version']}"
    writes = {
        (event["verb"], event["objectRef"]["resource"])
        for event in cluster.audit(before)
        if event.get("userAgent", "").startswith(agent)
        and event["verb"] not in ("get", "list", "watch")
        and "dryRun" not in event["requestURI"]
    }
    assert writes == {
        ("create", "selfsubjectrulesreviews"),
        ("create", "jobs"),
        ("create", "configmaps"),
        ("create", "secrets"),
        ("patch", "jobs"),
        # ConfigMap and Secret are garbage-collected with it, as the pod is.
        ("delete", "jobs"),
    }
    assert_nothing_left(cluster)
