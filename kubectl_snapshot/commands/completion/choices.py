"""List completion candidates of a cluster: names, labels and taints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, NamedTuple
from urllib.parse import quote

from kubectl_snapshot.clients.kube.client import METADATA_LIST, Call, Response
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.storage.configmap import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kubectl_snapshot.clients.kube.client import Kube

    Items = Iterable[Mapping[str, Any]]
    Body = Mapping[str, Any]

NODES = "/api/v1/nodes"
# A table's rows without their objects: fewer bytes than the objects' metadata.
TABLE = f"application/json;as=Table;g=meta.k8s.io;v=v1,{METADATA_LIST}"
ROWS_ONLY = {"includeObject": "None"}
# Any resource version: the API server answers from its cache.
CACHED = {"resourceVersion": "0"}
PULL_SECRET_TYPES = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")
SNAPSHOT_LABELS = ",".join(f"{key}={value}" for key, value in LABELS.items())


class Listing(NamedTuple):
    """The API lists of one kind of candidate, and how to pick candidates from their items."""

    paths: tuple[str, ...]
    queries: tuple[Mapping[str, str], ...]
    pick: Callable[[Items], Iterator[str]]
    accept: str = METADATA_LIST


def list_names(path: str, *queries: Mapping[str, str]) -> Listing:
    """Return the listing of objects of which only the names are needed."""
    return Listing((path,), tuple({**q, **ROWS_ONLY} for q in queries), pick_names, TABLE)


def list_choices(kind: str, kube: Kube, deadline: float) -> list[str]:
    """Return the sorted candidates of a kind, a key of LISTINGS.

    Lists that the user may not read are skipped; raises the server's error if none can be read.
    """
    answers = kube.request_all(build_calls(kind, kube.namespace, deadline))
    listed = [answer for answer in answers if isinstance(answer, Response)]
    for answer in answers:
        if not listed and not isinstance(answer, Response):
            raise answer
    items = (item for answer in listed for item in read_items(answer.body))
    return sorted(set(LISTINGS[kind].pick(items)))


def read_items(body: Body) -> Items:
    """Yield the objects of a list, or of a table's rows their names only."""
    if body.get("kind") != "Table":
        yield from body.get("items") or ()
        return
    columns = [column.get("format") for column in body.get("columnDefinitions") or ()]
    at = columns.index("name") if "name" in columns else 0
    for row in body.get("rows") or ():
        yield {"metadata": {"name": row["cells"][at]}}


def build_calls(kind: str, namespace: str, deadline: float) -> list[Call]:
    """Return the requests that list a kind; as object metadata only, if that suffices."""
    listing = LISTINGS[kind]
    return [
        Call(
            "GET",
            path.format(namespace=quote(namespace, safe="")),
            doing=f"list {kind}",
            query=query,
            deadline=deadline,
            accept=listing.accept,
        )
        for path in listing.paths
        for query in listing.queries
    ]


def pick_names(items: Items) -> Iterator[str]:
    return (item["metadata"]["name"] for item in items)


def pick_labels(items: Items) -> Iterator[str]:
    """Yield `key=value` of each label."""
    for item in items:
        for key, value in (item["metadata"].get("labels") or {}).items():
            yield f"{key}={value}"


def pick_taints(items: Items) -> Iterator[str]:
    """Yield each taint of nodes as --toleration takes it: `key=value:Effect` or `key:Effect`."""
    for item in items:
        for taint in item["spec"].get("taints") or ():
            value = f"={taint['value']}" if taint.get("value") else ""
            yield f"{taint['key']}{value}:{taint['effect']}"


def pick_sources(items: Items) -> Iterator[str]:
    """Yield each ConfigMap as `cm://namespace/name`."""
    for item in items:
        yield f"{CONFIGMAP_SCHEME}{item['metadata']['namespace']}/{item['metadata']['name']}"


LISTINGS = {
    "nodes": list_names(NODES, CACHED),
    "node labels": Listing((NODES,), (CACHED,), pick_labels),
    # Taints are not part of the metadata.
    "taints": Listing((NODES,), (CACHED,), pick_taints, "application/json"),
    "namespaces": list_names("/api/v1/namespaces", CACHED),
    "runtime classes": list_names("/apis/node.k8s.io/v1/runtimeclasses", CACHED),
    "service accounts": list_names("/api/v1/namespaces/{namespace}/serviceaccounts", CACHED),
    "pull secrets": list_names(
        "/api/v1/namespaces/{namespace}/secrets",
        *({"fieldSelector": f"type={name}"} for name in PULL_SECRET_TYPES),
    ),
    "snapshots": Listing(
        ("/api/v1/configmaps", "/api/v1/namespaces/{namespace}/configmaps"),
        ({"labelSelector": SNAPSHOT_LABELS},),
        pick_sources,
    ),
}
