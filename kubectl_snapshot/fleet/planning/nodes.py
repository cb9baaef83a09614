"""Read the nodes of a selection, page by page; only the fields that a fleet needs are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.client import METADATA_LIST, Call, Response
from kubectl_snapshot.collectors.kubernetes import node_status
from kubectl_snapshot.collectors.kubernetes.node import build_subtype
from kubectl_snapshot.errors import InvalidRequest, SnapshotError
from kubectl_snapshot.fleet.planning.selection import (
    FleetSelection,
    KnownNode,
    build_known_node,
    build_no_match_error,
)
from kubectl_snapshot.job.preflight.nodes import take_recursive_read_only
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from kubectl_snapshot.agent.config import AgentConfig
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.document.snapshot import Subtype

PATH = "/api/v1/nodes"
# A node of a large cluster has 10 KB and more.
PAGE_SIZE = 250


@dataclass(frozen=True)
class ListedNode:
    """A node of the list: what decides about its capture; if selected, its subtypes of K8s."""

    known: KnownNode
    subtypes: tuple[Subtype, ...]
    takes_recursive_read_only: bool


def read_nodes(
    kube: Kube, selection: FleetSelection, agent: AgentConfig, deadline: float
) -> dict[str, ListedNode]:
    """Return the selected nodes by name; with named nodes all nodes of the cluster.

    Raises NotFound, naming labels that exist, if the selector matches nothing.
    """
    version = str(_read_version(kube, deadline))
    query = {"labelSelector": selection.selector} if selection.selector else {}
    wanted = frozenset(selection.names)
    has_status = agent.collect.includes(node_status.SPEC.profile)
    found = {}
    for item in _list_nodes(kube, query, deadline):
        known = build_known_node(item, agent.tolerations)
        is_selected = known.name in wanted or not wanted
        # The names of the others are kept for suggestions.
        status = (node_status.build_status(item),) if has_status else ()
        subtypes = (build_subtype(item, known.name, version), *status)
        recursive = take_recursive_read_only([item])
        found[known.name] = ListedNode(known, subtypes if is_selected else (), recursive)
    if not found and selection.selector:
        items = _list_nodes(kube, {}, deadline)
        labels = [item["metadata"].get("labels") or {} for item in items]
        raise build_no_match_error(selection.selector, labels)
    return found


def read_names(kube: Kube, selection: FleetSelection, deadline: float) -> frozenset[str] | None:
    """Return the names that the selection matches now; None if they cannot be read."""
    query = {"limit": "5000"}
    if selection.selector:
        query["labelSelector"] = selection.selector
    call = Call("GET", PATH, "list the nodes again", query, deadline=deadline, accept=METADATA_LIST)
    (answer,) = kube.request_all([call])
    if not isinstance(answer, Response) or answer.read_map("metadata").get("continue"):
        return None
    names = frozenset(str(item["metadata"]["name"]) for item in answer.body.get("items") or ())
    return names & frozenset(selection.names) if selection.names else names


def _list_nodes(kube: Kube, query: dict[str, str], deadline: float) -> Any:
    try:
        yield from kube.list_items(
            PATH, doing="list the nodes", query=query, deadline=deadline, page_size=PAGE_SIZE
        )
    except SnapshotError as error:
        if error.status != 400 or "labelSelector" not in query:
            raise
        raise InvalidRequest(
            f'invalid selector "{query["labelSelector"]}"',
            error.why,
            "use kubectl's syntax, such as -l pool=gpu or -l 'zone in (a,b)'",
        ) from error


def _read_version(kube: Kube, deadline: float) -> object:
    answer = kube.request("GET", "/version", doing="read the server's version", deadline=deadline)
    return answer.body.get("gitVersion", "")
