"""The requests of gate and preflight: access reviews, dry runs, reads. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kubectl_snapshot.clients.kube.client import METADATA, METADATA_LIST, Call
from kubectl_snapshot.job import manifest
from kubectl_snapshot.job.rbac import agent_roles
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from kubectl_snapshot.job.manifest import Manifest
    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.permissions import Permission

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
NODES = "/api/v1/nodes"
# Any resource version: the API server answers from its cache.
CACHED = {"resourceVersion": "0"}
# Dynamic resource allocation (KEP-4381), v1 since Kubernetes 1.34: a driver's devices, by node.
RESOURCE_SLICES = "/apis/resource.k8s.io/v1/resourceslices"
GPU_DRIVER = "gpu.nvidia.com"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
DRY_RUN = {"dryRun": "All"}


def build_slice_list(deadline: float) -> Call:
    """Return the list of the GPUs that NVIDIA's driver offers by dynamic resource allocation."""
    query = {"fieldSelector": f"spec.driver={GPU_DRIVER}", **CACHED}
    return Call("GET", RESOURCE_SLICES, "list resource slices", query, deadline=deadline)


def build_rules_review(namespace: str, deadline: float) -> Call:
    """Return the SelfSubjectRulesReview of a namespace, which may be incomplete."""
    return Call(
        "POST",
        f"{AUTHORIZATION}/selfsubjectrulesreviews",
        doing=f"review the permissions in namespace {namespace}",
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        },
        deadline=deadline,
    )


def build_access_review(permission: Permission, deadline: float) -> Call:
    """Return the SelfSubjectAccessReview of one permission; without its API group it denies."""
    attributes: dict[str, Any] = {
        "verb": permission.verb,
        "group": permission.group,
        "resource": permission.resource,
        "subresource": permission.subresource,
        "namespace": permission.namespace,
    }
    return Call(
        "POST",
        f"{AUTHORIZATION}/selfsubjectaccessreviews",
        doing=f"ask whether {permission} is allowed",
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
        },
        deadline=deadline,
    )


def build_job_dry_run(options: JobOptions, deadline: float) -> Call:
    """Return the server-side dry run of the Job."""
    job = manifest.build_job(options, expires="")
    return _build_dry_run(manifest.jobs_path(options.namespace), job, deadline)


def build_pod_dry_run(options: JobOptions, deadline: float) -> Call:
    """Return the dry run of the pod as the Job controller creates it, with an owner reference."""
    template = manifest.build_sent_pod(options)
    names = {"name": options.name, "namespace": options.namespace}
    pod: Manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], **names},
        "spec": dict(template["spec"]),
    }
    if options.sets_up_rbac:
        # Created with the Job, so it does not exist yet; the default account stands in for it.
        del pod["spec"]["serviceAccountName"]
    return _build_dry_run(manifest.core_path(options.namespace, "pods"), pod, deadline)


def build_object_dry_runs(options: JobOptions, deadline: float) -> list[tuple[Manifest, Call]]:
    """Return the ConfigMap, with a small file, and the key's Secret, each with its dry run."""
    owner = manifest.build_owner(options, manifest.NO_UID)
    bodies = []
    if options.zipapp is not None:
        small = replace(options.zipapp, content=b"")
        bodies.append(("configmaps", manifest.build_config_map(options, small, owner)))
    if options.carries_key:
        bodies.append(("secrets", manifest.build_key_secret(options, owner)))
    return [
        (body, _build_dry_run(manifest.core_path(options.namespace, resource), body, deadline))
        for resource, body in bodies
    ]


def build_role_dry_runs(options: JobOptions, deadline: float) -> list[Call]:
    """Return the dry runs of the roles; their bindings need no further permission."""
    owner = manifest.build_owner(options, manifest.NO_UID)
    return [
        _build_dry_run(path, body, deadline)
        for path, body in agent_roles.build_roles(options, expires="", owner=owner)
        if body["kind"] in ("ClusterRole", "Role")
    ]


def build_namespace_read(options: JobOptions, deadline: float) -> Call:
    """Return the read of the namespace."""
    path = f"/api/v1/namespaces/{options.namespace}"
    return Call("GET", path, doing=f"read namespace {options.namespace}", deadline=deadline)


def build_version_read(deadline: float) -> Call:
    """Return the read of the server's version."""
    return Call("GET", "/version", doing="read the server's version", deadline=deadline)


def build_metadata_read(path: str, name: str, deadline: float) -> Call:
    """Return the read of an object's metadata, to learn whether it exists."""
    place = f"{path}/{quote(name, safe='')}"
    return Call("GET", place, doing=f"read {name}", deadline=deadline, accept=METADATA)


def build_node_read(name: str, deadline: float) -> Call:
    """Return the read of one node."""
    path = f"{NODES}/{quote(name, safe='')}"
    return Call("GET", path, doing=f"read node {name}", deadline=deadline)


def build_node_list(deadline: float) -> Call:
    """Return the list of all nodes, by their metadata."""
    return Call(
        "GET", NODES, doing="list nodes", query=CACHED, deadline=deadline, accept=METADATA_LIST
    )


def build_limit_reads(options: JobOptions, deadline: float) -> list[Call]:
    """Return the reads of a namespace's ResourceQuotas and LimitRanges."""
    return [
        Call(
            "GET",
            manifest.core_path(options.namespace, resource),
            doing=f"list {resource}",
            deadline=deadline,
            accept=METADATA_LIST,
        )
        for resource in ("resourcequotas", "limitranges")
    ]


def _build_dry_run(path: str, body: Manifest, deadline: float) -> Call:
    return Call(
        "POST",
        path,
        doing=f"create {manifest.render_title(body)}",
        query=DRY_RUN,
        body=body,
        deadline=deadline,
    )
