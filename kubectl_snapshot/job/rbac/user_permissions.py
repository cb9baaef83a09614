"""Permissions that a user needs to run a capture. Pure.

The permission gate, `preflight` and `rbac --for user` share this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.job.options import INJECT
from kubectl_snapshot.job.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.job.options import JobOptions

RBAC = "rbac.authorization.k8s.io"

RUN_PURPOSE = "A run is a Job: created without pods, started by a patch, deleted at the end."
FILE_PURPOSE = "A ConfigMap carries the program into the pod."
WATCH_PURPOSE = "The run watches its pod, and reports why it does not start."
FLEET_PURPOSE = "Optional: create and delete for a fleet's pods. Otherwise one Job a node is used."
FLEET_NODES_PURPOSE = "A fleet's nodes are selected from the list of nodes."
LOG_PURPOSE = "The snapshot is read from the pod's log."
KEY_PURPOSE = "Optional: a Secret carries the redaction key. Otherwise the pod generates its own."
EVENT_PURPOSE = (
    "Optional: reports at once why a pod is not created, otherwise only after --timeout."
)
SLICES_PURPOSE = "Optional: finds nodes that offer GPUs by dynamic resource allocation."
RBAC_PURPOSE = "A run creates a ServiceAccount, roles and bindings for its agent, and deletes them."


def build_user_permissions(options: JobOptions) -> tuple[Permission, ...]:
    """Return the permissions that this run requires, except for reading cluster-wide facts."""
    namespace = options.namespace

    def need(group: str, resource: str, *verbs: str, of: str = "", to: str) -> list[Permission]:
        return [Permission(verb, group, resource, of, namespace, to) for verb in verbs]

    job_verbs = ("create", "delete") if options.is_fleet else ("create", "patch", "delete")
    needed = need("batch", "jobs", *job_verbs, to=RUN_PURPOSE)
    if options.agent == INJECT:
        needed += need("", "configmaps", "create", "delete", to=FILE_PURPOSE)
    needed += need("", "pods", "list", "watch", to=WATCH_PURPOSE)
    needed += need("", "pods", "get", of="log", to=LOG_PURPOSE)
    needed += build_pod_permissions(options)
    if options.is_fleet:
        needed.append(Permission("list", "", "nodes", "", "", FLEET_NODES_PURPOSE))
    if options.sets_up_rbac:
        needed += build_rbac_permissions(namespace, options.role_namespaces)
    return tuple(needed)


def build_pod_permissions(options: JobOptions) -> list[Permission]:
    """Return the optional permissions to create and delete a fleet's pods without a Job each."""
    verbs = ("create", "delete") if options.creates_pods else ()
    return [Permission(verb, "", "pods", "", options.namespace, FLEET_PURPOSE) for verb in verbs]


def build_key_permissions(options: JobOptions) -> tuple[Permission, ...]:
    """Return the optional permissions to share the redaction key with the pod."""
    if not options.carries_key:
        return ()
    return tuple(
        Permission(verb, "", "secrets", "", options.namespace, KEY_PURPOSE)
        for verb in ("create", "delete")
    )


def build_event_permissions(options: JobOptions) -> tuple[Permission, ...]:
    """Return the optional permissions to watch events, which say why a pod is not created."""
    return tuple(
        Permission(verb, "", "events", "", options.namespace, EVENT_PURPOSE)
        for verb in ("list", "watch")
    )


def build_slice_permissions(options: JobOptions) -> tuple[Permission, ...]:
    """Return the optional permission to find GPU nodes by ResourceSlices, if none is chosen."""
    if options.is_fleet or (options.node_name and not options.require_gpu):
        return ()
    return (Permission("list", "resource.k8s.io", "resourceslices", "", "", SLICES_PURPOSE),)


def build_rbac_permissions(namespace: str, role_namespaces: Iterable[str]) -> list[Permission]:
    """Return the permissions to create and delete the agent's ServiceAccount, roles, bindings."""
    objects = [
        ("", "serviceaccounts", namespace),
        (RBAC, "clusterroles", ""),
        (RBAC, "clusterrolebindings", ""),
    ]
    for name in role_namespaces:
        objects += [(RBAC, "roles", name), (RBAC, "rolebindings", name)]
    return [
        Permission(verb, group, resource, "", where, RBAC_PURPOSE)
        for group, resource, where in objects
        for verb in ("create", "delete")
    ]
