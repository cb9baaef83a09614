"""The pods of a fleet: one a node, pinned to it and owned by the run's Job. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.job import manifest
from kubectl_snapshot.job.node_affinity import build_node_affinity
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from kubectl_snapshot.job.manifest import Manifest
    from kubectl_snapshot.job.options import JobOptions


def build_template(options: JobOptions, job_uid: str) -> Manifest:
    """Return what all pods of the run share; `build_pod` adds the node.

    The owner is no controller: the Job controller ignores the pods, and the garbage collector
    removes them with the Job.
    """
    template: Manifest = manifest.build_job(options, expires="")["spec"]["template"]
    metadata = {
        **template["metadata"],
        "namespace": options.namespace,
        "ownerReferences": [manifest.build_owner(options, job_uid)],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def build_pod(template: Manifest, options: JobOptions, index: int, node_name: str) -> Manifest:
    """Return the pod of one node; the scheduler binds it, and reports a node that is gone."""
    affinity = build_node_affinity(replace(options, node_name=node_name))
    return {
        **template,
        "metadata": {**template["metadata"], "name": name_pod(options, index)},
        "spec": {**template["spec"], "affinity": {"nodeAffinity": affinity}},
    }


def name_pod(options: JobOptions, index: int) -> str:
    """Return the name of the pod with this number."""
    return f"{options.name}-{index:05d}"
