"""Fake nodes: API objects only. kwok keeps them Ready, fake_kubelet serves their logs."""

from __future__ import annotations

import concurrent.futures
import ipaddress
from typing import Any

from tests.lab import kube

# Local to the control plane's network namespace.
NETWORK = ipaddress.ip_network("10.90.0.0/16")
KUBELET_PORT = 10250
MARK = {"kwok.x-k8s.io/node": "fake"}
ROOM = {"cpu": "96", "memory": "1024Gi", "ephemeral-storage": "1024Gi", "pods": "110"}
LABELS = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "lab/fake": "true"}
# Repels ordinary pods, but not those that tolerate everything, as the agent's pod does.
TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}


def name(index: int) -> str:
    return f"fake-{index:05d}"


def address(index: int) -> str:
    return str(NETWORK.network_address + index)


def name_of(ip: str) -> str:
    return name(int(ipaddress.ip_address(ip)) - int(NETWORK.network_address))


def build_node(index: int, gpus: int) -> dict[str, Any]:
    labels, room = {"kubernetes.io/hostname": name(index), **LABELS}, dict(ROOM)
    if gpus:
        labels.update({"nvidia.com/gpu.present": "true", "nvidia.com/gpu.count": str(gpus)})
        room["nvidia.com/gpu"] = str(gpus)
    addresses = [
        {"type": "InternalIP", "address": address(index)},
        {"type": "Hostname", "address": name(index)},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name(index), "labels": labels, "annotations": MARK},
        "spec": {"taints": [TAINT]},
        "status": {
            "capacity": room,
            "allocatable": room,
            "addresses": addresses,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        },
    }


def register(client: kube.Client, count: int, gpus: int, threads: int = 8) -> None:
    def create(index: int) -> None:
        client.raw("POST", "/api/v1/nodes", build_node(index, gpus))

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(create, range(1, count + 1)):
            pass
