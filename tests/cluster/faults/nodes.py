"""Break and repair nodes of the lab."""

from __future__ import annotations

from tests.cluster.support import Cluster
from tests.lab import cli, kube
from tests.lab.machine import wait_for


def break_node(cluster: Cluster, node: str, what: str) -> None:
    run_fault(cluster, node, f"{what}-off")


def repair_node(cluster: Cluster, node: str, what: str) -> None:
    run_fault(cluster, node, f"{what}-on")

    def is_ready() -> bool:
        conditions = cluster.client.get(f"/api/v1/nodes/{node}")["status"]["conditions"]
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    wait_for(f"{node} to be ready", is_ready)
    wait_for(f"the kubelet of {node}", lambda: is_kubelet_there(cluster, node))


def is_kubelet_there(cluster: Cluster, node: str) -> bool:
    try:
        return cluster.client.raw("GET", f"/api/v1/nodes/{node}/proxy/healthz") == b"ok"
    except kube.ApiError:
        return False


def run_fault(cluster: Cluster, node: str, what: str) -> None:
    gateway = cluster.require_lab().ip(1)
    cluster.node_exec(node, "sh", "-c", cli.FAULTS[what].format(gateway=gateway))
