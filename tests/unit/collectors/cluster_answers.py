"""Answers of a cluster on EKS, and what the K8s collector makes of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubectl_snapshot.collectors.kubernetes import collector as kubernetes_cluster
from kubectl_snapshot.document.snapshot import Subtype
from tests.unit.collectors.api_answers import Api

VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.2-eks-3025e55",
    "goVersion": "go1.24.6",
    "platform": "linux/amd64",
}
NODE = {
    "metadata": {"name": "gpu-a1"},
    "spec": {"providerID": "aws:///us-west-2a/i-0abc"},
    "status": {
        "nodeInfo": {
            "containerRuntimeVersion": "containerd://2.1.5",
            "kubeletVersion": "v1.34.2-eks-3025e55",
            "kernelVersion": "6.8.0-86-generic",
            "operatingSystem": "linux",
            "osImage": "Ubuntu 24.04.3 LTS",
        }
    },
}


def collect(answers: Mapping[str, Any], node_name: str = "gpu-a1") -> dict[str, Subtype]:
    context = Api(answers).context(node_name=node_name)
    return {subtype.name: subtype for subtype in kubernetes_cluster.collect(context)}
