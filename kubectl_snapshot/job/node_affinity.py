"""Node affinity of the agent's pod: a named node, or no virtual one and GPU nodes first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubectl_snapshot.job.options import JobOptions

# Set by GPU feature discovery, Node Feature Discovery (PCI vendor 10de), clouds, Karpenter.
GPU_LABELS = (
    "nvidia.com/gpu.present",
    "nvidia.com/gpu.count",
    "nvidia.com/gpu.product",
    "feature.node.kubernetes.io/pci-10de.present",
    "feature.node.kubernetes.io/pci-0302_10de.present",
    "feature.node.kubernetes.io/pci-0300_10de.present",
    "cloud.google.com/gke-accelerator",
    "kubernetes.azure.com/accelerator",
    "k8s.amazonaws.com/accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
)
# Nodes without a kubelet or a host: Virtual Kubelet, AWS Fargate, kwok.
VIRTUAL_LABELS = {
    "type": ("virtual-kubelet", "kwok"),
    "eks.amazonaws.com/compute-type": ("fargate",),
}
# A pod's affinity is no place for a list of a thousand names.
MAX_EXCLUDED = 100
MAX_PREFERRED = 20


def build_node_affinity(options: JobOptions) -> dict[str, Any]:
    """Return the node affinity of a pod, empty without any requirement.

    A named node goes through the scheduler, which reports a missing one; spec.nodeName does not.
    """
    affinity: dict[str, Any] = {}
    term = _build_required_term(options)
    if term:
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [term]}
    if not options.node_name and not options.node_selector:
        preferred = [
            {"matchExpressions": [{"key": label, "operator": "Exists"}]} for label in GPU_LABELS
        ]
        preferred += [{"matchFields": [_name("In", n)]} for n in options.gpu_nodes[:MAX_PREFERRED]]
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": 100, "preference": preference} for preference in preferred
        ]
    return affinity


def _build_required_term(options: JobOptions) -> dict[str, Any]:
    if options.node_name:
        return {"matchFields": [_name("In", options.node_name)]}
    term: dict[str, Any] = {}
    if not options.node_selector:
        term["matchExpressions"] = [
            {"key": key, "operator": "NotIn", "values": list(values)}
            for key, values in VIRTUAL_LABELS.items()
        ]
    if options.excluded_nodes:
        term["matchFields"] = [_name("NotIn", n) for n in options.excluded_nodes[:MAX_EXCLUDED]]
    return term


def _name(operator: str, name: str) -> dict[str, Any]:
    """Return the requirement on a node's name: one value each (k8s.io/api, NodeSelectorTerm)."""
    return {"key": "metadata.name", "operator": operator, "values": [name]}
