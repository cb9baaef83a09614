"""The lab itself: what the other cluster tests take for granted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.constants import NAME
from tests.cluster.support import Cluster, ours
from tests.lab import kube
from tests.lab.machine import wait_for


def build_pod(name: str, image: str, *command: str, **spec: Any) -> dict[str, Any]:
    container = {
        "name": "c",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            **spec,
        },
    }


def start_pod(cluster: Cluster, namespace: str, pod: dict[str, Any]) -> str:
    """Create a pod and return its path."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    return f"{pods}/{cluster.client.call('POST', pods, pod)['metadata']['name']}"


def wait_for_log(cluster: Cluster, path: str) -> str:
    """Return the log of a pod that ran to its end; a failed one fails the test."""

    def read_phase() -> Any:
        phase = cluster.client.get(path)["status"]["phase"]
        return phase if phase in ("Succeeded", "Failed") else None

    phase = wait_for(f"{path} to end", read_phase)
    log = cluster.client.raw("GET", f"{path}/log").decode()
    assert phase == "Succeeded", log
    return log


def test_a_node_shows_values_that_are_not_the_machines(cluster: Cluster) -> None:
    assert "VARIANT_ID=node2\n" in cluster.node_exec("node2", "cat", "/etc/os-release")
    assert cluster.node_exec("node2", "cat", "/proc/sys/kernel/hostname") == "node2\n"
    swappiness = "/proc/sys/vm/swappiness"
    shown = {node: cluster.node_exec(node, "cat", swappiness) for node in ("node1", "node2")}
    assert shown == {"node1": "41\n", "node2": "42\n"}


def test_the_second_node_is_a_gpu_node(cluster: Cluster) -> None:
    node2 = cluster.client.get("/api/v1/nodes/node2")
    assert node2["metadata"]["labels"]["nvidia.com/gpu.present"] == "true"
    assert node2["status"]["allocatable"]["nvidia.com/gpu"] == "2"
    assert cluster.node_exec("node2", "nvidia-smi", "-L").count("GPU ") == 2


def test_pods_of_every_python_image_run(
    cluster: Cluster, namespace: str, python_images: dict[str, str]
) -> None:
    code = "import sys, ssl, ctypes, zlib; print('%d.%d' % sys.version_info[:2])"
    started = {}
    for version, image in python_images.items():
        pod = build_pod(f"python-{version}", image, "python3", "-c", code)
        started[version] = start_pod(cluster, namespace, pod)
    shown = {version: wait_for_log(cluster, path) for version, path in started.items()}
    assert shown == {version: f"{version}\n" for version in python_images}


def test_the_audit_log_has_every_request_once(cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    before = cluster.audit_size()
    for _ in range(3):
        cluster.client.get(path)
    # A new namespace's first ConfigMap, of the API server's CA, is created at any time.
    asked = [
        event["user"]["username"]
        for event in cluster.audit(before)
        if (event["requestURI"], event["verb"]) == (path, "list")
    ]
    assert asked == ["admin"] * 3


def test_a_restricted_namespace_refuses_a_privileged_pod(
    cluster: Cluster, restricted_namespace: str
) -> None:
    pod = build_pod("probe", "python:3.11-slim", "true", hostPID=True)
    with pytest.raises(kube.ApiError, match="violates PodSecurity") as refusal:
        start_pod(cluster, restricted_namespace, pod)
    assert refusal.value.status == 403


@pytest.mark.parametrize(("user", "allowed"), [("viewer", "yes"), ("nobody", "no")])
def test_a_user_has_the_rights_of_the_name(cluster: Cluster, user: str, allowed: str) -> None:
    kubeconfig = str(cluster.require_lab().kubeconfig(user))
    pods = cluster.kubectl("auth", "can-i", "list", "pods", kubeconfig=kubeconfig)
    nodes = cluster.kubectl("auth", "can-i", "list", "nodes", kubeconfig=kubeconfig)
    assert (pods.stdout, nodes.stdout) == (f"{allowed}\n", "no\n")


def test_what_carries_our_label_is_found_in_every_namespace(
    cluster: Cluster, namespace: str
) -> None:
    labels = {
        "app.kubernetes.io/managed-by": "kubectl-snapshot",
        "kubectl-snapshot/run": "lab0000000",
    }
    config_map = {"metadata": {"name": "mine", "labels": labels}}
    cluster.client.call("POST", f"/api/v1/namespaces/{namespace}/configmaps", config_map)
    assert ours(cluster, "lab0000000") == [f"ConfigMap {namespace}/mine"]
    assert ours(cluster, "another000") == []


def test_kubectl_speaks_to_the_cluster(cluster: Cluster) -> None:
    shown = cluster.kubectl("version", "-o", "json")
    assert "serverVersion" in json.loads(shown.stdout)


def test_kubectl_finds_the_built_file_as_its_plugin(cluster: Cluster, zipapp: Path) -> None:
    shown = cluster.kubectl("plugin", "list")
    assert str(zipapp) == next(line for line in shown.stdout.splitlines() if NAME in line)
