"""Which Kubernetes a node is of, by what its distribution leaves on every node. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.collectors.kubernetes.fields import map_at, text_at
from kubectl_snapshot.document.patterns import matches_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

KUBELET_VERSION, OS_IMAGE = "status.nodeInfo.kubeletVersion", "status.nodeInfo.osImage"
PROVIDER_ID, LABEL = "spec.providerID", "metadata.labels"


class Sign(NamedTuple):
    """A pattern that a field, or the name of a label, is of on a distribution's nodes."""

    distribution: str
    field: str
    pattern: str


# In this order: distributions that run on the machines of a cloud come before the cloud's own.
# Where each stands in public is told beside the node that it is tested with: tests/fixtures/api.
SIGNS = (
    Sign("openshift", LABEL, "node.openshift.io/os_id"),
    Sign("talos", OS_IMAGE, "Talos (*"),
    Sign("rke2", KUBELET_VERSION, "*+rke2r*"),
    Sign("k3s", KUBELET_VERSION, "*+k3s*"),
    Sign("eks", KUBELET_VERSION, "*-eks-*"),
    Sign("gke", KUBELET_VERSION, "*-gke.*"),
    Sign("aks", LABEL, "kubernetes.azure.com/cluster"),
    Sign("oke", LABEL, "oke.oraclecloud.com/*"),
    Sign("kind", PROVIDER_ID, "kind://*"),
)


def detect_distribution(node: object) -> str:
    """Return the distribution that a core/v1 Node is of, empty where no sign of one is there."""
    for sign in SIGNS:
        if any(matches_pattern(text, sign.pattern) for text in _texts(node, sign.field)):
            return sign.distribution
    return ""


def _texts(node: object, field: str) -> Iterator[str]:
    if field == LABEL:
        yield from map_at(node, *field.split("."))
    else:
        yield text_at(node, *field.split("."))
