"""How many nodes have which versions, and are in which pool."""

from __future__ import annotations

from typing import Any

from kubectl_snapshot.collectors.kubernetes.node_counts import NodeCounts

INFO = {
    "kubeletVersion": "v1.34.2",
    "containerRuntimeVersion": "containerd://2.1.5",
    "kernelVersion": "6.8.0",
    "osImage": "Ubuntu 24.04.3 LTS",
    "architecture": "amd64",
    "machineID": "x",
}


def node(labels: dict[str, str] | None = None, **info: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "n", "labels": labels or {}},
        "status": {"nodeInfo": {**INFO, **info}},
    }


def count(*nodes: dict[str, Any]) -> list[dict[str, Any]]:
    counts = NodeCounts({}, {})
    assert list(counts.note(nodes)) == list(nodes)
    return [dict(subtype.data) for subtype in counts.build()]


def test_versions_are_counted() -> None:
    versions, pools = count(node(), node(kubeletVersion="v1.33.0"), node(osImage=""))
    assert versions == {
        "kubelet.v1.34.2": 2,
        "kubelet.v1.33.0": 1,
        "container-runtime.containerd://2.1.5": 3,
        "kernel.6.8.0": 3,
        "os-image.Ubuntu 24.04.3 LTS": 2,
        "architecture.amd64": 3,
    }
    assert pools == {}


def test_pools_are_counted_by_the_labels_of_each_provider() -> None:
    instance, product = "node.kubernetes.io/instance-type", "nvidia.com/gpu.product"
    gpu = {"eks.amazonaws.com/nodegroup": "gpu", instance: "p5.48xlarge", product: "H100"}
    _, pools = count(
        node(gpu),
        node(gpu),
        node({"karpenter.sh/nodepool": "spot", "agentpool": "", instance: "m7i.large"}),
        node({"agentpool": "first", "kops.k8s.io/instancegroup": "second"}),
        node({"other": "x"}),
        node({product: "T4"}),
    )
    assert pools == {
        "gpu/p5.48xlarge/H100": 2,
        "spot/m7i.large/-": 1,
        "first/-/-": 1,
        "-/-/T4": 1,
    }
