"""What a run needs to be allowed, as one table for everyone who asks. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.job.options import INJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kubectl_snapshot.job.options import JobOptions

RBAC = "rbac.authorization.k8s.io"

RUN_PURPOSE = "A run is a Job: made without pods, started by a patch, deleted at its end."
FILE_PURPOSE = "The program travels into the pod in a ConfigMap."
WATCH_PURPOSE = "The run waits for its pod, and tells what keeps it from starting."
LOG_PURPOSE = "The snapshot comes back through the pod's log."
KEY_PURPOSE = "Optional: the pod gets the key of redaction in a Secret. Without, it makes its own."
EVENT_PURPOSE = "Optional: tells at once why a pod is not made, which else takes until --timeout."
RBAC_PURPOSE = "The agent gets an account, roles and bindings of its own for the time of a run."


@dataclass(frozen=True)
class Permission:
    """One verb on one resource; empty are the cluster's `namespace` and the core `group`.

    `purpose` is a sentence for the administrator who grants it.
    """

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    purpose: str = field(default="", compare=False)

    def __str__(self) -> str:
        where = f" -n {self.namespace}" if self.namespace else " --all-namespaces"
        return f"{self.verb} {self.title}{where}"

    @property
    def title(self) -> str:
        """Return the resource as kubectl takes it: `jobs.batch`, `pods/log`."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{resource}/{self.subresource}" if self.subresource else resource


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


def is_granted(permission: Permission, rules: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a SelfSubjectRulesReview (resourceRules) says yes; its silence proves nothing.

    A rule with resourceNames grants the named objects only, ours have new names: it does not count.
    """
    resource = permission.resource
    if permission.subresource:
        resource = f"{resource}/{permission.subresource}"
    return any(
        not rule.get("resourceNames")
        and _holds(rule.get("verbs"), permission.verb)
        and _holds(rule.get("apiGroups"), permission.group)
        and _holds(rule.get("resources"), resource)
        for rule in rules
    )


def describe_permissions(permissions: Iterable[Permission]) -> str:
    """Return them as one text: `in namespace ops: create, delete jobs.batch; in the cluster: …`."""
    places: dict[str, list[str]] = {}
    for (place, title), group in group_permissions(permissions).items():
        verbs = ", ".join(permission.verb for permission in group)
        places.setdefault(place, []).append(f"{verbs} {title}")
    return "; ".join(f"{place}: {'; '.join(texts)}" for place, texts in places.items())


def group_permissions(
    permissions: Iterable[Permission],
) -> dict[tuple[str, str], list[Permission]]:
    """Return them by place and resource, such as `in namespace ops` and `jobs.batch`."""
    groups: dict[tuple[str, str], list[Permission]] = {}
    for permission in permissions:
        place = f"in namespace {permission.namespace}" if permission.namespace else "in the cluster"
        groups.setdefault((place, permission.title), []).append(permission)
    return groups


def _holds(values: Sequence[str] | None, wanted: str) -> bool:
    return values is not None and ("*" in values or wanted in values)
