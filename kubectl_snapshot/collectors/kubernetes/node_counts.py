"""How many nodes have which versions and are in which pool (NodeTopology.version, .pool). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.collectors.kubernetes.fields import map_at, text_at
from kubectl_snapshot.document.registry import INTEGER, UNSET, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

# Fields of status.nodeInfo.
VERSIONS = {
    "kubelet": "kubeletVersion",
    "container-runtime": "containerRuntimeVersion",
    "kernel": "kernelVersion",
    "os-image": "osImage",
    "architecture": "architecture",
}
# Labels for the pool of a node, the first that it has: EKS, GKE, AKS, Karpenter, kOps, Cluster API,
# OKE, OpenShift's machine pools (documentation of each).
POOLS = (
    *("eks.amazonaws.com/nodegroup", "cloud.google.com/gke-nodepool"),
    *("kubernetes.azure.com/agentpool", "agentpool", "karpenter.sh/nodepool"),
    *("kops.k8s.io/instancegroup", "node.cluster.x-k8s.io/pool", "oke.oraclecloud.com/pool.name"),
    *("hypershift.openshift.io/nodePool", "machine.openshift.io/cluster-api-machineset"),
)
INSTANCE_TYPE, PRODUCT = "node.kubernetes.io/instance-type", "nvidia.com/gpu.product"
NO_LABEL = "-"
SPECS = tuple(
    SubtypeSpec(name, description, INTEGER, keys_are_names=False, missing=UNSET)
    for name, description in (
        (
            "version",
            "How many nodes have each version: "
            + ", ".join(f"`{key}.<version>`" for key in VERSIONS)
            + " (`status.nodeInfo`). Two kubelets beside `K8s.server.version` are a version skew.",
        ),
        (
            "pool",
            "How many nodes have each `<pool>/<instance type>/<GPU product>`, by their labels: the "
            "pool is the label of EKS, GKE, AKS, Karpenter, kOps, Cluster API, OKE or OpenShift, "
            f"the others are `{INSTANCE_TYPE}` and `{PRODUCT}`. A label that a node lacks is "
            f"`{NO_LABEL}`.",
        ),
    )
)


class NodeCounts(NamedTuple):
    """Numbers of nodes by version and by pool."""

    versions: dict[str, int]
    pools: dict[str, int]

    def note(self, nodes: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Yield the core/v1 Nodes, and count each."""
        for node in nodes:
            for key, field in VERSIONS.items():
                version = text_at(node, "status", "nodeInfo", field)
                if version:
                    _add(self.versions, f"{key}.{version}")
            labels = map_at(node, "metadata", "labels")
            pool = next((labels[name] for name in POOLS if labels.get(name)), "")
            parts = (pool, labels.get(INSTANCE_TYPE), labels.get(PRODUCT))
            if any(parts):
                _add(self.pools, "/".join(str(part or NO_LABEL) for part in parts))
            yield node

    def build(self) -> Iterator[Subtype]:
        """Yield the subtypes of the nodes that were counted."""
        yield Subtype("version", self.versions)
        yield Subtype("pool", self.pools)


def _add(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1
