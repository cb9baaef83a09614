"""Argo CD's Applications (subtype K8s.argocd; contract section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.flat_text import NamedEntries, flatten, merge_entries
from kubectl_snapshot.collectors.kubernetes.fields import list_at, map_at, text_at
from kubectl_snapshot.collectors.run.context import (
    Context,
    Right,
    build_partial_subtype,
    require_kube,
)
from kubectl_snapshot.document.registry import STRING, UNSET, SubtypeSpec
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.errors import Absent, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared
    from kubectl_snapshot.document.snapshot import Subtype

GROUP, KIND = "argoproj.io", "Application"
# Below a source; a parameter may be empty.
PARAMETERS = ".helm.parameters."
VALUES = ".helm.valuesObject."

SPEC = SubtypeSpec("argocd", values=STRING, missing=UNSET)
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
SOURCE_FIELDS = ("repoURL", "chart", "targetRevision", "path")


def read(context: Context, shared: Shared) -> Subtype:
    """Return the applications of all namespaces, of every API group that ends in argoproj.io."""
    from kubectl_snapshot.clients.kube.discovery import find_resources  # late: as in collector.py

    kube = require_kube(context)
    deadline = context.deadline
    resources = find_resources(kube, shared.read_groups(), is_argo_group, (KIND,), deadline)
    if not resources:
        raise Absent(f"the API server does not serve {KIND} of {GROUP}")
    applications: list[NamedEntries] = []
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
        raise Absent(f"the cluster has no {KIND}")
    nothing_read = len(errors) == len(resources)
    return build_partial_subtype("argocd", merge_entries(applications), errors, {}, nothing_read)


def is_argo_group(group: str) -> bool:
    """Return whether an API group's kind Application is Argo CD's."""
    return group.endswith(GROUP)


def parse_application(application: Mapping[str, Any]) -> NamedEntries:
    """Return the fields of an argoproj.io/v1alpha1 Application; empty ones are left out."""
    name, namespace = (text_at(application, "metadata", key) for key in ("name", "namespace"))
    entries = [("namespace", namespace)]
    entries += [(key, text_at(application, "spec", *path)) for key, path in SPEC_FIELDS.items()]
    entries += _source_entries("source", map_at(application, "spec", "source"))
    for index, source in enumerate(list_at(application, "spec", "sources")):
        entries += _source_entries(f"sources.{index}", source)
    entries += [(key, text_at(application, "status", *path)) for key, path in STATUS_FIELDS.items()]
    kept = [(key, value) for key, value in entries if value or PARAMETERS in key]
    return NamedEntries(name, namespace, tuple(kept))


def _source_entries(prefix: str, source: object) -> Iterator[tuple[str, str]]:
    """Yield the fields of one source (ApplicationSource, ApplicationSourceHelm)."""
    for field in SOURCE_FIELDS:
        yield f"{prefix}.{field}", text_at(source, field)
    yield f"{prefix}.helm.values", text_at(source, "helm", "values")
    values = map_at(source, "helm", "valuesObject")
    yield from flatten(values, f"{prefix}{VALUES.rstrip('.')}").items()
    files = list_at(source, "helm", "valueFiles")
    yield f"{prefix}.helm.valueFiles", ",".join(map(text_of, files))
    for parameter in list_at(source, "helm", "parameters"):
        name, value = text_at(parameter, "name"), text_at(parameter, "value")
        yield f"{prefix}{PARAMETERS}{name}", value
