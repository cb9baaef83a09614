"""The agent's own rights, where the pod reads the cluster-wide facts itself. Pure.

A namespaced Job cannot own what is cluster-wide: those objects carry when they expire, and this
run, the next one or `cleanup` removes them.
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


def build_service_account(options: JobOptions, owner: Manifest) -> Manifest:
    """Return the agent's own ServiceAccount."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": build_owned_metadata(options, owner),
        "automountServiceAccountToken": False,
    }


def build_cluster_role(options: JobOptions, expires: str) -> Manifest:
    """Return the ClusterRole: the union of what the chosen collectors declare."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": build_expiring_metadata(options, expires),
        "rules": build_policy_rules(options.reads),
    }


def build_cluster_role_binding(options: JobOptions, expires: str) -> Manifest:
    """Return the binding of that ClusterRole to the run's ServiceAccount."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": build_expiring_metadata(options, expires),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": options.cluster_object_name,
        },
        "subjects": [
            {"kind": "ServiceAccount", "name": options.name, "namespace": options.namespace}
        ],
    }


def build_policy_rules(permissions: Iterable[Permission]) -> list[Manifest]:
    """Return the rules, one per group and resource, verbs joined, in a fixed order."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for permission in permissions:
        verbs.setdefault((permission.group, permission.resource), set()).add(permission.verb)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": sorted(names)}
        for (group, resource), names in sorted(verbs.items())
    ]


def build_expiring_metadata(options: JobOptions, expires: str) -> Manifest:
    """Return the metadata of a cluster-wide object, which a namespaced Job cannot own."""
    return {
        "name": options.cluster_object_name,
        "labels": build_labels(options.run_id),
        "annotations": {EXPIRES_ANNOTATION: expires},
    }
