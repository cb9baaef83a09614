"""What a node has and how it is: resources, conditions, cordon (subtype K8s.node-status)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.kubernetes.fields import list_at, map_at, text_at
from kubectl_snapshot.document.patterns import matches_pattern
from kubectl_snapshot.document.registry import (
    BOOLEAN,
    HEALTH,
    STRING,
    IgnoredKey,
    SubtypeSpec,
    TellingKeys,
)
from kubectl_snapshot.document.snapshot import Subtype

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared
    from kubectl_snapshot.collectors.run.context import Context, Right
    from kubectl_snapshot.document.snapshot import Scalar

SPEC = SubtypeSpec(
    "node-status",
    values=STRING,
    key_types={"unschedulable": BOOLEAN},
    keys=("unschedulable", "capacity.*", "allocatable.*", "condition.*", "annotation.*"),
    keys_are_names=False,
    volatile=(IgnoredKey("condition.*.since", "when a condition changed"),),
    telling=(TellingKeys(HEALTH, ("unschedulable", "allocatable.*", "condition.*.status")),),
)
# By `get nodes`, which K8s.node declares.
RIGHTS: tuple[Right, ...] = ()

# Annotations that say how a node is managed; others may hold anything. Sources: Kubernetes,
# "Well-Known Labels, Annotations and Taints"; documentation of node feature discovery, GPU
# operator, cluster autoscaler, Karpenter, OpenShift's machine config operator.
ANNOTATIONS = (
    "cluster-autoscaler.kubernetes.io/scale-down-disabled",
    "karpenter.sh/do-not-disrupt",
    "kubeadm.alpha.kubernetes.io/cri-socket",
    "machineconfiguration.openshift.io/*onfig",
    "machineconfiguration.openshift.io/state",
    "nfd.node.kubernetes.io/extended-resources",
    "nfd.node.kubernetes.io/*version",
    "nvidia.com/gpu-driver-upgrade-*",
    "volumes.kubernetes.io/controller-managed-attach-detach",
)


def read(_: Context, shared: Shared) -> Subtype:
    """Return the status of the node."""
    return build_status(shared.read_node())


def build_status(node: Mapping[str, Any]) -> Subtype:
    """Return the subtype of a core/v1 Node; heartbeats and messages are left out."""
    data: dict[str, Scalar] = {
        "unschedulable": map_at(node, "spec").get("unschedulable") is True,
    }
    for kind in ("capacity", "allocatable"):
        resources = map_at(node, "status", kind)
        data.update({f"{kind}.{name}": str(amount) for name, amount in resources.items()})
    fields = {"status": "status", "reason": "reason", "since": "lastTransitionTime"}
    for condition in list_at(node, "status", "conditions"):
        found = {key: text_at(condition, field) for key, field in fields.items()}
        name = f"condition.{text_at(condition, 'type')}"
        data.update({f"{name}.{key}": text for key, text in found.items() if text})
    annotations = map_at(node, "metadata", "annotations")
    data.update({f"annotation.{k}": str(v) for k, v in annotations.items() if _is_allowed(k)})
    return Subtype(SPEC.name, data)


def _is_allowed(name: str) -> bool:
    return any(matches_pattern(name, pattern) for pattern in ANNOTATIONS)
