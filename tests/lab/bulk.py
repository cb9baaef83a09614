"""Create many nodes and pods as API objects only, of realistic size."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Iterator
from typing import Any

from tests.lab import fake_nodes, kube

# Concurrent requests; more do not help one process on two cores.
THREADS = 16
IMAGES = 400
PODS = "/api/v1/namespaces/{}/pods"
# As many labels, of the same size, as feature discovery, clouds and the GPU Operator set.
LABELS = {
    f"feature.node.kubernetes.io/cpu-cpuid.FEATURE{number:02d}": "true" for number in range(40)
}
POOLS = 20


def create_nodes(client: kube.Client, count: int) -> None:
    """Create nodes from `fake-00001` on, about 10 KB each; nothing keeps them Ready."""
    _create(client, (("/api/v1/nodes", build_node(index)) for index in range(1, count + 1)))


def create_pods(client: kube.Client, namespace: str, count: int, node_count: int) -> None:
    """Create pods, about 4 KB each, spread over the nodes; nothing starts them."""
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
            # Without it they would be evicted from nodes that are not Ready.
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
        # In batches: the executor queues all of its input at once.
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
