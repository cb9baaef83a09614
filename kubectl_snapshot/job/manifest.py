"""Manifests of one run's objects as plain dicts. Pure: the same options give the same bytes.

Ownership (docs/adr): the Job is created first, with `parallelism: 0`. It owns every other object in
its namespace from its creation, so that the Job's deadline and TTL remove them all.
"""

from __future__ import annotations

from base64 import b64encode
from math import ceil
from typing import Any

from kubectl_snapshot.constants import (
    EXPIRES_ANNOTATION,
    MANAGED_BY_LABEL,
    NAME,
    NAME_LABEL,
    RUN_LABEL,
)
from kubectl_snapshot.job.bootstrap import build_command
from kubectl_snapshot.job.node_affinity import build_node_affinity
from kubectl_snapshot.job.options import (
    AGENT,
    GPU_RESOURCE,
    HOST_READ,
    IMAGE,
    PRIVILEGED,
    RESTRICTED,
    JobOptions,
    Zipapp,
)
from kubectl_snapshot.job.resources import LIMITS, REQUESTS
from kubectl_snapshot.settings import build_arguments
from kubectl_snapshot.text import render_seconds

Manifest = dict[str, Any]

CONTAINER = NAME
HOST_ROOT = "/host"
ZIPAPP_DIRECTORY = "/kubectl-snapshot"
ZIPAPP_KEY = "kubectl-snapshot"
KEY_DIRECTORY = "/kubectl-snapshot-key"
KEY_FILE = "key"

# Placeholder for the Job's UID before it exists.
NO_UID = "00000000-0000-0000-0000-000000000000"
NOBODY = 65534
MERGE_PATCH = "application/merge-patch+json"

# A snapshot passes through the container's log; these exclude it from the common log shippers.
LOG_SHIPPER_ANNOTATIONS = {
    "ad.datadoghq.com/logs_exclude": "true",
    "co.elastic.logs/enabled": "false",
    "fluentbit.io/exclude": "true",
}
LOG_SHIPPER_LABELS = {"vector.dev/exclude": "true"}

HOST_NAMESPACES = {
    PRIVILEGED: {"hostNetwork": True, "hostIPC": True, "hostPID": True},
    HOST_READ: {"hostNetwork": True, "hostIPC": True},
    RESTRICTED: {},
}
# Kubernetes, Pod Security Standards: `restricted` for the last one.
CONTAINER_SECURITY = {
    PRIVILEGED: {"privileged": True, "runAsUser": 0, "runAsGroup": 0},
    HOST_READ: {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsUser": 0,
        "runAsGroup": 0,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    RESTRICTED: {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": NOBODY,
        "runAsGroup": NOBODY,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}


def jobs_path(namespace: str) -> str:
    """Return the API path of a namespace's Jobs."""
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def core_path(namespace: str, resource: str) -> str:
    """Return the API path of a core resource of a namespace."""
    return f"/api/v1/namespaces/{namespace}/{resource}"


def build_job(options: JobOptions, expires: str, parallelism: int = 0) -> Manifest:
    """Return the Job. `expires` is the RFC 3339 time by which its deadline has ended it."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": options.name,
            "namespace": options.namespace,
            "labels": {**options.job_labels, **build_labels(options.run_id)},
            "annotations": {EXPIRES_ANNOTATION: expires},
        },
        "spec": {
            "parallelism": parallelism,
            "completions": 1,
            "backoffLimit": 0,
            "activeDeadlineSeconds": ceil(options.timeout_s) + options.job_deadline_margin_s,
            "ttlSecondsAfterFinished": options.ttl_s,
            "template": {
                "metadata": {
                    "labels": {
                        **options.job_labels,
                        **build_labels(options.run_id),
                        **LOG_SHIPPER_LABELS,
                    },
                    "annotations": dict(LOG_SHIPPER_ANNOTATIONS),
                },
                "spec": build_pod_spec(options),
            },
        },
    }


def build_keeper(options: JobOptions, expires: str) -> Manifest:
    """Return a Job that is complete when it is created, to own a Job that is suspended.

    The deadline of a suspended Job does not run; the TTL of this one does (measured, also when it
    is suspended itself): it ends what a killed client leaves.
    """
    job = build_job(options, expires)
    lifetime_s: int = job["spec"]["activeDeadlineSeconds"] + options.ttl_s
    job["metadata"]["name"] = f"{options.name}-keeper"
    job["spec"].update(completions=0, ttlSecondsAfterFinished=lifetime_s)
    return job


def build_sent_pod(options: JobOptions) -> Manifest:
    """Return the metadata and spec of the pod that the Job controller is to create."""
    template: Manifest = build_job(options, expires="")["spec"]["template"]
    owners = [{**build_owner(options, NO_UID), "controller": True}]
    return {**template, "metadata": {**template["metadata"], "ownerReferences": owners}}


def build_pod_spec(options: JobOptions) -> Manifest:
    """Return the pod's spec, with no more privileges than its level needs."""
    spec: Manifest = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": ceil(options.timeout_s) + options.pod_deadline_margin_s,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": options.cluster_scope == AGENT,
        "enableServiceLinks": False,
        "nodeSelector": {**options.node_selector, "kubernetes.io/os": "linux"},
        "tolerations": build_tolerations(options),
        "containers": [build_container(options)],
        "volumes": build_volumes(options),
        **HOST_NAMESPACES[options.level],
    }
    affinity = build_node_affinity(options)
    if affinity:
        spec["affinity"] = {"nodeAffinity": affinity}
    if options.service_account_name or options.sets_up_rbac:
        spec["serviceAccountName"] = options.service_account_name or options.name
    if options.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in options.image_pull_secrets]
    if options.runtime_class:
        spec["runtimeClassName"] = options.runtime_class
    return spec


def build_container(options: JobOptions) -> Manifest:
    """Return the agent's container."""
    gpu = {GPU_RESOURCE: "1"} if options.require_gpu else {}
    env: list[Manifest] = [
        {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    ]
    if options.runtime_class:
        # The NVIDIA container toolkit injects the GPUs that this variable lists.
        env.append({"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"})
    return {
        "name": CONTAINER,
        "image": options.image,
        "imagePullPolicy": "IfNotPresent",
        "command": build_agent_command(options),
        "env": env,
        "resources": {
            "requests": {**REQUESTS, **options.requests},
            "limits": {**LIMITS, **gpu, **options.limits},
        },
        "securityContext": CONTAINER_SECURITY[options.level],
        "volumeMounts": build_volume_mounts(options),
    }


def build_agent_command(options: JobOptions) -> list[str]:
    """Return the command line of the in-pod collector."""
    if options.zipapp is None:
        start = ["kubectl-snapshot"]
    else:
        start = build_command(options.zipapp.sha256, f"{ZIPAPP_DIRECTORY}/{ZIPAPP_KEY}")
    arguments = [
        "collect",
        f"--run-id={options.run_id}",
        f"--level={options.level}",
        f"--timeout={render_seconds(options.timeout_s)}s",
        f"--cluster-scope={options.cluster_scope}",
    ]
    if options.level != RESTRICTED:
        arguments.append(f"--host-root={HOST_ROOT}")
    key_file = f"{KEY_DIRECTORY}/{KEY_FILE}" if options.carries_key else ""
    return start + arguments + build_arguments(options.settings, key_file)


def build_volumes(options: JobOptions) -> list[Manifest]:
    """Return the volumes: the zipapp's ConfigMap, the key's Secret, the node's root."""
    volumes: list[Manifest] = []
    if options.agent != IMAGE:
        volumes.append({"name": "agent", "configMap": {"name": options.name, "defaultMode": 0o444}})
    if options.carries_key:
        # World-readable: the restricted pod runs as nobody, and the pod has only this container.
        volumes.append(
            {"name": "key", "secret": {"secretName": options.name, "defaultMode": 0o444}}
        )
    if options.level != RESTRICTED:
        volumes.append({"name": "host", "hostPath": {"path": "/"}})
    return volumes


def build_volume_mounts(options: JobOptions) -> list[Manifest]:
    """Return the mounts, all read-only; the node's recursively where known to be possible."""
    mounts: list[Manifest] = []
    if options.agent != IMAGE:
        mounts.append({"name": "agent", "mountPath": ZIPAPP_DIRECTORY, "readOnly": True})
    if options.carries_key:
        mounts.append({"name": "key", "mountPath": KEY_DIRECTORY, "readOnly": True})
    if options.level != RESTRICTED:
        mount: Manifest = {"name": "host", "mountPath": HOST_ROOT, "readOnly": True}
        if options.recursive_read_only:
            mount["recursiveReadOnly"] = "IfPossible"
        mounts.append(mount)
    return mounts


def build_tolerations(options: JobOptions) -> list[dict[str, str]]:
    """Return the pod's tolerations; by default it tolerates every taint (contract section 5)."""
    if not options.tolerations:
        return [{"operator": "Exists"}]
    fields = ("key", "operator", "value", "effect")
    return [
        {name: getattr(toleration, name) for name in fields if getattr(toleration, name)}
        for toleration in options.tolerations
    ]


def build_config_map(options: JobOptions, zipapp: Zipapp, owner: Manifest) -> Manifest:
    """Return the immutable ConfigMap that carries the zipapp."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": build_owned_metadata(options, owner),
        "immutable": True,
        "binaryData": {ZIPAPP_KEY: b64encode(zipapp.content).decode("ascii")},
    }


def build_key_secret(options: JobOptions, owner: Manifest) -> Manifest:
    """Return the immutable Secret with the redaction key."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": build_owned_metadata(options, owner),
        "immutable": True,
        "type": "Opaque",
        "data": {KEY_FILE: b64encode(options.settings.redaction.key).decode("ascii")},
    }


def build_owner(options: JobOptions, uid: str) -> Manifest:
    """Return the owner reference with which an object is garbage-collected with the Job.

    `blockOwnerDeletion` is false: true needs permission on `jobs/finalizers` under
    OwnerReferencesPermissionEnforcement.
    """
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": options.name,
        "uid": uid,
        "blockOwnerDeletion": False,
    }


def build_owned_metadata(options: JobOptions, owner: Manifest) -> Manifest:
    """Return the metadata of an object that the Job owns."""
    return {
        "name": options.name,
        "namespace": options.namespace,
        "labels": build_labels(options.run_id),
        "ownerReferences": [owner],
    }


def build_labels(run_id: str) -> dict[str, str]:
    """Return the labels that mark every object of ours and of this run."""
    return {MANAGED_BY_LABEL: NAME, NAME_LABEL: NAME, RUN_LABEL: run_id}


def render_title(body: Manifest) -> str:
    """Return `KIND NAMESPACE/NAME` of an object."""
    metadata = body["metadata"]
    where = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{body['kind']} {where}{metadata['name']}"
