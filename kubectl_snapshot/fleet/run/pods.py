"""The pods of a fleet: one a node, pinned to it and owned by the run's Job. Pure.

A client that may not create pods creates a Job for each, which is then owned in the same way.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.job import manifest
from kubectl_snapshot.job.node_affinity import build_node_affinity
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_snapshot.job.manifest import Manifest
    from kubectl_snapshot.job.options import JobOptions


def choose_builder(
    options: JobOptions, job_uid: str, expires: str
) -> Callable[[int, str], Manifest]:
    """Return the function that builds what is created for a node: its pod, or a Job."""
    if options.creates_jobs:
        return partial(build_node_job, options, expires, job_uid)
    return partial(build_pod, build_template(options, job_uid), options)


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


def build_node_job(
    options: JobOptions, expires: str, job_uid: str, index: int, node_name: str
) -> Manifest:
    """Return the Job whose only pod runs on one node; its deadline is that of the whole run."""
    pinned = replace(options, node_name=node_name)
    job = manifest.build_job(pinned, expires, parallelism=1)
    owners = [manifest.build_owner(options, job_uid)]
    metadata = {**job["metadata"], "name": name_pod(options, index), "ownerReferences": owners}
    return {**job, "metadata": metadata}


def name_pod(options: JobOptions, index: int) -> str:
    """Return the name of the pod with this number, or of its Job."""
    return f"{options.name}-{index:05d}"
