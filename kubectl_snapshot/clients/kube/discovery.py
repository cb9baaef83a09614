"""API discovery: GET /apis and GET /apis/GROUP/VERSION.

Reads only the groups that the caller selects, so that one broken group does not affect others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import NotFound
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kubectl_snapshot.clients.kube.client import Kube


@dataclass(frozen=True)
class Resource:
    """A listable resource, in the first version that serves it, the preferred one first."""

    group: str
    version: str
    name: str
    kind: str

    @property
    def path(self) -> str:
        """Return the API path of its objects in all namespaces."""
        return f"/apis/{self.group}/{self.version}/{self.name}"

    @property
    def title(self) -> str:
        """Return the resource's name for kubectl, `applications.argoproj.io`."""
        return f"{self.name}.{self.group}"


def read_groups(kube: Kube, deadline: float) -> list[dict[str, Any]]:
    """Return the API groups (meta/v1 APIGroup) without the core group."""
    answer = kube.request("GET", "/apis", doing="list the API groups", deadline=deadline)
    return _objects(answer.body, "groups")


def find_resources(
    kube: Kube,
    groups: Sequence[Mapping[str, Any]],
    is_selected: Callable[[str], bool],
    kinds: Sequence[str],
    deadline: float,
) -> list[Resource]:
    """Return the resource of each kind from each selected group that has it, sorted by group.

    What a version of a group serves is read once, and no further one when all kinds are found.
    """
    return [
        resource
        for group in sorted(groups, key=lambda group: str(group["name"]))
        if is_selected(group["name"])
        for resource in _find_in_group(kube, group, kinds, deadline)
    ]


def _find_in_group(
    kube: Kube, group: Mapping[str, Any], kinds: Sequence[str], deadline: float
) -> list[Resource]:
    """Return the resources in the order of `kinds`, each of the first version that has it."""
    found: dict[str, Resource] = {}
    for version in _versions(group):
        if len(found) == len(kinds):
            break
        path = f"/apis/{group['name']}/{version}"
        try:
            answer = kube.request("GET", path, doing=f"list what {path} serves", deadline=deadline)
        except NotFound:
            continue  # no longer served since the groups were listed
        for resource in _objects(answer.body, "resources"):
            name, kind = resource.get("name"), str(resource.get("kind"))
            verbs = resource.get("verbs") or ()
            is_listed = isinstance(name, str) and "/" not in name and "list" in verbs
            if kind in kinds and is_listed:
                found.setdefault(kind, Resource(group["name"], version, resource["name"], kind))
    return [found[kind] for kind in kinds if kind in found]


def _objects(body: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects of a list in an answer."""
    return [item for item in body.get(key) or () if isinstance(item, dict)]


def _versions(group: Mapping[str, Any]) -> Iterator[str]:
    """Yield the served versions, the preferred one first."""
    preferred = (group.get("preferredVersion") or {}).get("version")
    if preferred:
        yield preferred
    for entry in group.get("versions") or ():
        if entry["version"] != preferred:
            yield entry["version"]
