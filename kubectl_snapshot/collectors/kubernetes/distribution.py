"""Detect the Kubernetes distribution by the fields and labels of a node. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.collectors.kubernetes.fields import map_at, text_at
from kubectl_snapshot.document.patterns import matches_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

KUBELET_VERSION, OS_IMAGE = "status.nodeInfo.kubeletVersion", "status.nodeInfo.osImage"
PROVIDER_ID, LABEL = "spec.providerID", "metadata.labels"


class Sign(NamedTuple):
    """A pattern that matches a field, or a label's name, on every node of a distribution."""

    distribution: str
    field: str
    pattern: str


# In this order: distributions that run on the machines of a cloud come before the cloud's own.
# The public source of each is noted beside the node of its test: tests/fixtures/api.
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
    """Return the distribution of a core/v1 Node, empty if unknown."""
    for sign in SIGNS:
        if any(matches_pattern(text, sign.pattern) for text in _texts(node, sign.field)):
            return sign.distribution
    return ""


def _texts(node: object, field: str) -> Iterator[str]:
    if field == LABEL:
        yield from map_at(node, *field.split("."))
    else:
        yield text_at(node, *field.split("."))
