"""Bare nodes and pods in numbers: objects of the size of real ones, and nothing behind them."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Iterator
from typing import Any

from tests.lab import fake_nodes, kube

# Requests in flight; one process on two cores has no use for more.
THREADS = 16
IMAGES = 400
PODS = "/api/v1/namespaces/{}/pods"
# What feature discovery, the cloud and the GPU operator label a GPU node with, in number and size.
LABELS = {
    f"feature.node.kubernetes.io/cpu-cpuid.FEATURE{number:02d}": "true" for number in range(40)
}
POOLS = 20


def create_nodes(client: kube.Client, count: int) -> None:
    """Write nodes `fake-00001` and on, about 10 KB each; nobody keeps them ready."""
    _create(client, (("/api/v1/nodes", build_node(index)) for index in range(1, count + 1)))


def create_pods(client: kube.Client, namespace: str, count: int, node_count: int) -> None:
    """Write pods, about 4 KB each, spread over the nodes; nobody starts them."""
    path = PODS.format(namespace)
    _create(client, ((path, build_pod(index, node_count)) for index in range(count)))


def build_node(index: int) -> dict[str, Any]:
    body = fake_nodes.build_node(index, gpus=8)
    pool = {"pool": f"pool-{index % POOLS}", "topology.kubernetes.io/zone": f"zone-{index % 3}"}
    body["metadata"]["labels"] |= {**LABELS, **pool}
    body["status"]["images"] = [
        {"names": [f"{build_image(number)}@sha256:{number:064x}"], "sizeBytes": 123456789}
        for number in range(50)
    ]
    return body


def build_pod(index: int, node_count: int) -> dict[str, Any]:
    env = [{"name": f"SETTING_{number}", "value": "x" * 500} for number in range(4)]
    container = {"name": "main", "image": build_image(index % IMAGES), "env": env}
    return {
        "metadata": {"name": f"bulk-{index:06d}", "labels": {"app": f"app-{index % IMAGES}"}},
        "spec": {
            "nodeName": fake_nodes.name(index % node_count + 1),
            "automountServiceAccountToken": False,
            # Or they were evicted from nodes that nobody keeps ready.
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
        },
    }


def build_image(number: int) -> str:
    return f"registry.example.org/team-{number % 7}/image-{number}:1.{number}"


def _create(client: kube.Client, bodies: Iterable[tuple[str, dict[str, Any]]]) -> None:
    def create(item: tuple[str, dict[str, Any]]) -> None:
        client.raw("POST", *item)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        # In parts: a pool takes all of its work at once, and holds it.
        for part in _parts(bodies, 1000):
            for _ in pool.map(create, part):
                pass


def _parts(
    items: Iterable[tuple[str, dict[str, Any]]], size: int
) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    part: list[tuple[str, dict[str, Any]]] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    yield part
