"""Roles and bindings of a run whose agent reads the cluster-wide facts itself. Pure.

A Job cannot own cluster-wide objects or those of another namespace. They carry an expiry
annotation, and this run, the next run or `cleanup` deletes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.constants import EXPIRES_ANNOTATION
from kubectl_snapshot.job.manifest import Manifest, build_labels, build_owned_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.permissions import Permission

GROUP_PATH = "/apis/rbac.authorization.k8s.io/v1"
CLUSTER_ROLES = f"{GROUP_PATH}/clusterroles"
CLUSTER_ROLE_BINDINGS = f"{GROUP_PATH}/clusterrolebindings"
API_VERSION = "rbac.authorization.k8s.io/v1"
API_GROUP = "rbac.authorization.k8s.io"


def namespaced_path(namespace: str, resource: str) -> str:
    """Return the API path of a namespace's roles or rolebindings."""
    return f"{GROUP_PATH}/namespaces/{namespace}/{resource}"


def build_service_account(options: JobOptions, owner: Manifest) -> Manifest:
    """Return the agent's own ServiceAccount."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": build_owned_metadata(options, owner),
        "automountServiceAccountToken": False,
    }


def build_cluster_role(options: JobOptions, expires: str) -> Manifest:
    """Return the ClusterRole: the union of the rights that the chosen collectors declare."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterRole",
        "metadata": build_expiring_metadata(options, expires),
        "rules": build_policy_rules(options.reads),
    }


def build_cluster_role_binding(options: JobOptions, expires: str) -> Manifest:
    """Return the binding of that ClusterRole to the run's ServiceAccount."""
    metadata = build_expiring_metadata(options, expires)
    return build_binding("ClusterRole", metadata, options.name, options.namespace)


def build_roles(options: JobOptions, expires: str, owner: Manifest) -> list[tuple[str, Manifest]]:
    """Return API path and body of every role and binding: cluster-wide first, then by namespace."""
    objects = [
        (CLUSTER_ROLES, build_cluster_role(options, expires)),
        (CLUSTER_ROLE_BINDINGS, build_cluster_role_binding(options, expires)),
    ]
    for namespace in options.role_namespaces:
        if namespace == options.namespace:
            metadata = build_owned_metadata(options, owner)
        else:
            metadata = {**build_expiring_metadata(options, expires), "namespace": namespace}
        role = {
            "apiVersion": API_VERSION,
            "kind": "Role",
            "metadata": metadata,
            "rules": build_policy_rules(options.reads, namespace),
        }
        binding = build_binding("Role", metadata, options.name, options.namespace)
        objects.append((namespaced_path(namespace, "roles"), role))
        objects.append((namespaced_path(namespace, "rolebindings"), binding))
    return objects


def build_binding(
    role_kind: str, metadata: Manifest, account: str, account_namespace: str
) -> Manifest:
    """Return the binding of a ServiceAccount to the role of the same name."""
    return {
        "apiVersion": API_VERSION,
        "kind": f"{role_kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": API_GROUP, "kind": role_kind, "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": account_namespace}],
    }


def build_policy_rules(permissions: Iterable[Permission], namespace: str = "") -> list[Manifest]:
    """Return the PolicyRules of one namespace, or of the whole cluster, in a fixed order.

    There is one per group and resource, with all its verbs.
    """
    return [rule for rule, _ in build_explained_rules(permissions, namespace)]


def build_explained_rules(
    permissions: Iterable[Permission], namespace: str = ""
) -> list[tuple[Manifest, tuple[str, ...]]]:
    """Return the PolicyRules of build_policy_rules, each with its purposes."""
    groups: dict[tuple[str, str], list[Permission]] = {}
    for permission in permissions:
        if permission.namespace == namespace:
            resource = "/".join(filter(None, (permission.resource, permission.subresource)))
            groups.setdefault((permission.group, resource), []).append(permission)
    return [
        (
            {
                "apiGroups": [group],
                "resources": [resource],
                "verbs": sorted({permission.verb for permission in found}),
            },
            tuple(dict.fromkeys(permission.purpose for permission in found)),
        )
        for (group, resource), found in sorted(groups.items())
    ]


def build_expiring_metadata(options: JobOptions, expires: str) -> Manifest:
    """Return the metadata of an object that the Job cannot own."""
    return {
        "name": options.cluster_object_name,
        "labels": build_labels(options.run_id),
        "annotations": {EXPIRES_ANNOTATION: expires},
    }
