"""What a run needs to be allowed, as one table for everyone who asks. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.job.options import INJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kubectl_snapshot.job.options import JobOptions

RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Permission:
    """One verb on one resource; empty are the cluster's `namespace` and the core `group`."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""

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
    needed = [
        Permission(verb, "batch", "jobs", "", namespace) for verb in ("create", "patch", "delete")
    ]
    if options.agent == INJECT:
        needed += [
            Permission(verb, "", "configmaps", "", namespace) for verb in ("create", "delete")
        ]
    needed += [Permission(verb, "", "pods", "", namespace) for verb in ("list", "watch")]
    needed.append(Permission("get", "", "pods", "log", namespace))
    if options.sets_up_rbac:
        needed += build_rbac_permissions(namespace, options.role_namespaces)
    return tuple(needed)


def build_key_permissions(options: JobOptions) -> tuple[Permission, ...]:
    """Return what sharing the key of redaction with the pod needs; the pod can make its own."""
    if not options.carries_key:
        return ()
    return tuple(
        Permission(verb, "", "secrets", "", options.namespace) for verb in ("create", "delete")
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
        Permission(verb, group, resource, "", where)
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
