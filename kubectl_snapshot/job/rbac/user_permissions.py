"""What the user who runs a capture must be allowed to do. Pure.

The permission gate, `preflight` and `rbac --for user` read the same table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.job.options import INJECT
from kubectl_snapshot.job.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.job.options import JobOptions

RBAC = "rbac.authorization.k8s.io"

RUN_PURPOSE = "A run is a Job: made without pods, started by a patch, deleted at its end."
FILE_PURPOSE = "The program travels into the pod in a ConfigMap."
WATCH_PURPOSE = "The run waits for its pod, and tells what keeps it from starting."
LOG_PURPOSE = "The snapshot comes back through the pod's log."
KEY_PURPOSE = "Optional: the pod gets the key of redaction in a Secret. Without, it makes its own."
EVENT_PURPOSE = "Optional: tells at once why a pod is not made, which else takes until --timeout."
RBAC_PURPOSE = "The agent gets an account, roles and bindings of its own for the time of a run."


def build_user_permissions(options: JobOptions) -> tuple[Permission, ...]:
    """Return what the user needs for this run, besides reading the cluster-wide facts."""
    namespace = options.namespace

    def need(group: str, resource: str, *verbs: str, of: str = "", to: str) -> list[Permission]:
        return [Permission(verb, group, resource, of, namespace, to) for verb in verbs]

    needed = need("batch", "jobs", "create", "patch", "delete", to=RUN_PURPOSE)
    if options.agent == INJECT:
        needed += need("", "configmaps", "create", "delete", to=FILE_PURPOSE)
    needed += need("", "pods", "list", "watch", to=WATCH_PURPOSE)
    needed += need("", "pods", "get", of="log", to=LOG_PURPOSE)
    if options.sets_up_rbac:
        needed += build_rbac_permissions(namespace, options.role_namespaces)
    return tuple(needed)


def build_key_permissions(options: JobOptions) -> tuple[Permission, ...]:
    """Return what sharing the key of redaction with the pod needs; the pod can make its own."""
    if not options.carries_key:
        return ()
    return tuple(
        Permission(verb, "", "secrets", "", options.namespace, KEY_PURPOSE)
        for verb in ("create", "delete")
    )


def build_event_permissions(options: JobOptions) -> tuple[Permission, ...]:
    """Return what learning at once why a pod does not start needs; a run can do without."""
    return tuple(
        Permission(verb, "", "events", "", options.namespace, EVENT_PURPOSE)
        for verb in ("list", "watch")
    )


def build_rbac_permissions(namespace: str, role_namespaces: Iterable[str]) -> list[Permission]:
    """Return what setting up the agent's own ServiceAccount, roles and bindings needs."""
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
