"""Argo CD's Applications (subtype K8s.argocd; contract section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.clients.kube.discovery import find_resources
from kubectl_snapshot.collectors.kubernetes.fields import list_at, map_at, text_at
from kubectl_snapshot.collectors.kubernetes.flatten import add_entry, flatten
from kubectl_snapshot.collectors.run.context import (
    Context,
    Right,
    build_partial_subtype,
    require_kube,
)
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.errors import Absent, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.document.snapshot import Subtype

GROUP, KIND = "argoproj.io", "Application"
RIGHTS = (
    Right(
        GROUP,
        "applications",
        ("list",),
        is_optional=True,
        purpose="K8s.argocd: the Applications of Argo CD.",
    ),
)
# An Application's status lists every resource it manages.
PAGE_SIZE = 100

SPEC_FIELDS = {
    "project": ("project",),
    "targetNamespace": ("destination", "namespace"),
    "destination.server": ("destination", "server"),
}
STATUS_FIELDS = {"syncStatus": ("sync", "status"), "healthStatus": ("health", "status")}
# Below a source; a parameter may be empty.
PARAMETERS = ".helm.parameters."
SOURCE_FIELDS = ("repoURL", "chart", "targetRevision", "path")


class Application(NamedTuple):
    """What is kept of one object; `entries` are keys below the application's name."""

    name: str
    namespace: str
    entries: tuple[tuple[str, str], ...]


def read_applications(
    context: Context, read_groups: Callable[[], Sequence[Mapping[str, Any]]]
) -> Subtype:
    """Return the applications of all namespaces, of every API group that ends in argoproj.io.

    `read_groups` returns the server's API groups.
    """
    kube = require_kube(context)
    deadline = context.deadline
    resources = find_resources(kube, read_groups(), is_argo_group, KIND, deadline)
    if not resources:
        raise Absent(f"the API server knows no {KIND} of {GROUP}")
    applications: list[Application] = []
    errors: list[SnapshotError] = []
    for resource in resources:
        doing = f"list {resource.title}"
        try:
            items = kube.list_items(
                resource.path, doing=doing, deadline=deadline, page_size=PAGE_SIZE
            )
            applications += map(parse_application, items)
        except SnapshotError as error:
            errors.append(error)
    if not applications and not errors:
        raise Absent(f"there is no {KIND}")
    nothing_read = len(errors) == len(resources)
    return build_partial_subtype("argocd", merge(applications), errors, {}, nothing_read)


def is_argo_group(group: str) -> bool:
    """Return whether an API group's kind Application is Argo CD's."""
    return group.endswith(GROUP)


def merge(applications: Iterable[Application]) -> dict[str, str]:
    """Return all entries; of applications of one name the first by namespace has it plain."""
    data: dict[str, str] = {}
    first: dict[str, str] = {}
    for application in sorted(applications):
        name = application.name
        if first.setdefault(name, application.namespace) != application.namespace:
            name = f"{application.namespace}/{name}"
        for key, value in application.entries:
            add_entry(data, f"{name}.{key}", value)
    return data


def parse_application(application: Mapping[str, Any]) -> Application:
    """Return the fields of an argoproj.io/v1alpha1 Application; empty ones are left out."""
    name, namespace = (text_at(application, "metadata", key) for key in ("name", "namespace"))
    entries = [("namespace", namespace)]
    entries += [(key, text_at(application, "spec", *path)) for key, path in SPEC_FIELDS.items()]
    entries += _source_entries("source", map_at(application, "spec", "source"))
    for index, source in enumerate(list_at(application, "spec", "sources")):
        entries += _source_entries(f"sources.{index}", source)
    entries += [(key, text_at(application, "status", *path)) for key, path in STATUS_FIELDS.items()]
    kept = [(key, value) for key, value in entries if value or PARAMETERS in key]
    return Application(name, namespace, tuple(kept))


def _source_entries(prefix: str, source: object) -> Iterator[tuple[str, str]]:
    """Yield what one source (ApplicationSource, ApplicationSourceHelm) says."""
    for field in SOURCE_FIELDS:
        yield f"{prefix}.{field}", text_at(source, field)
    yield f"{prefix}.helm.values", text_at(source, "helm", "values")
    values = map_at(source, "helm", "valuesObject")
    yield from flatten(values, f"{prefix}.helm.valuesObject").items()
    files = list_at(source, "helm", "valueFiles")
    yield f"{prefix}.helm.valueFiles", ",".join(map(text_of, files))
    for parameter in list_at(source, "helm", "parameters"):
        name, value = text_at(parameter, "name"), text_at(parameter, "value")
        yield f"{prefix}{PARAMETERS}{name}", value
