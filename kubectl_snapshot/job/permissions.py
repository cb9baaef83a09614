"""A permission, as an access review asks for it: one verb on one resource in one place. Pure.

Collectors declare a Right: verbs on a resource, wherever they need it. A run turns each into one
Permission per verb and namespace, adds its own, and asks the API server for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Permission:
    """One verb on one resource; an empty `namespace` is the whole cluster, an empty `group` core.

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
        """Return the resource in kubectl's notation: `jobs.batch`, `pods/log`."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{resource}/{self.subresource}" if self.subresource else resource


def is_granted(permission: Permission, rules: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a SelfSubjectRulesReview (resourceRules) grants it; it may be incomplete.

    A rule with resourceNames is ignored: it grants named objects only, and ours have new names.
    """
    resource = permission.resource
    if permission.subresource:
        resource = f"{resource}/{permission.subresource}"
    return any(
        not rule.get("resourceNames")
        and _matches(rule.get("verbs"), permission.verb)
        and _matches(rule.get("apiGroups"), permission.group)
        and _matches(rule.get("resources"), resource)
        for rule in rules
    )


def describe_permissions(permissions: Iterable[Permission]) -> str:
    """Return permissions as `in namespace ops: create, delete jobs.batch; in the cluster: …`."""
    places: dict[str, list[str]] = {}
    for (place, title), group in group_permissions(permissions).items():
        verbs = ", ".join(permission.verb for permission in group)
        places.setdefault(place, []).append(f"{verbs} {title}")
    return "; ".join(f"{place}: {'; '.join(texts)}" for place, texts in places.items())


def group_permissions(
    permissions: Iterable[Permission],
) -> dict[tuple[str, str], list[Permission]]:
    """Return permissions by place and resource, such as `in namespace ops` and `jobs.batch`."""
    groups: dict[tuple[str, str], list[Permission]] = {}
    for permission in permissions:
        place = f"in namespace {permission.namespace}" if permission.namespace else "in the cluster"
        groups.setdefault((place, permission.title), []).append(permission)
    return groups


def _matches(values: Sequence[str] | None, value: str) -> bool:
    return values is not None and ("*" in values or value in values)
