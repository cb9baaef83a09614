"""The manifest of a fleet, `fleet.yaml`: every selected node once, and how it ended. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass, field, fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KIND = "Fleet"
API_VERSION = "kubectl-snapshot/v1alpha1"

# A node that is captured has a whole document; partial: a document with gaps; failed: its pod gave
# none; skipped: no pod was created for it.
CAPTURED, PARTIAL, FAILED, SKIPPED = "captured", "partial", "failed", "skipped"
STATUSES = (CAPTURED, PARTIAL, FAILED, SKIPPED)
WITH_FILE = (CAPTURED, PARTIAL)

# States of a run: a manifest that still says `running` is of a run that was killed.
RUNNING, FINISHED, STOPPED, INTERRUPTED = "running", "finished", "stopped", "interrupted"


@dataclass(frozen=True)
class FleetNode:
    """One selected node. `cause` is short and groups nodes; `reason` is the whole message.

    `uid` and `boot_id` are those of the Node object when the node was selected. `seconds` lasts
    from the creation of the pod to the written file. `file` is relative to the manifest.
    """

    name: str
    status: str
    cause: str = ""
    reason: str = ""
    file: str = ""
    sha256: str = ""
    seconds: float = 0.0
    gaps: str = ""
    run_id: str = ""
    uid: str = ""
    boot_id: str = ""

    @property
    def has_file(self) -> bool:
        """Return whether the node has a document."""
        return self.status in WITH_FILE


@dataclass(frozen=True)
class FleetRun:
    """One run that wrote into the fleet: the first, or a resumed one. Times are RFC 3339, UTC.

    `redaction_key` identifies the key: redacted values compare only where it is equal.
    """

    run_id: str
    namespace: str = ""
    state: str = RUNNING
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    version: str = ""
    redaction_key: str = ""


@dataclass(frozen=True)
class FleetManifest:
    """The manifest: what was selected, by which runs, with which settings, and every node.

    `selection` has one of `all-nodes`, `selector` and `nodes`. `arrived` are nodes that the
    selection matched only at the end of the last run, `departed` those that had gone by then.
    """

    selection: Mapping[str, Any]
    runs: tuple[FleetRun, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    nodes: tuple[FleetNode, ...] = ()
    arrived: tuple[str, ...] = ()
    departed: tuple[str, ...] = ()
    cluster_file: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of nodes of each status."""
        found = Counter(node.status for node in self.nodes)
        return {status: found[status] for status in STATUSES}


def coverage(nodes: Iterable[FleetNode]) -> float:
    """Return the share of the nodes that have a document, from 0 to 1; 0 without nodes."""
    listed = [node.has_file for node in nodes]
    return sum(listed) / len(listed) if listed else 0.0


def build_head(manifest: FleetManifest) -> dict[str, Any]:
    """Return the manifest without its nodes as maps and lists; empty fields are left out."""
    return {
        "kind": KIND,
        "apiVersion": API_VERSION,
        "selection": dict(manifest.selection),
        "runs": [build_record(run) for run in manifest.runs],
        "settings": dict(manifest.settings),
        "summary": {"selected": len(manifest.nodes), **manifest.counts},
        "cluster-file": manifest.cluster_file,
        "arrived": list(manifest.arrived),
        "departed": list(manifest.departed),
    }


def parse_tree(tree: object, name: str) -> FleetManifest:
    """Return the manifest in a tree; InvalidRequest, with `name`, for anything else.

    A node that is listed twice, a status that is unknown or a path that leaves the fleet is
    refused: the manifest may come from someone else.
    """
    if not isinstance(tree, dict) or tree.get("kind") != KIND:
        raise _invalid(name, f"its kind is not {KIND}")
    nodes = tuple(_parse_record(FleetNode, item, name) for item in _list(tree, "nodes", name))
    twice = [node for node, count in Counter(node.name for node in nodes).items() if count > 1]
    if twice:
        raise _invalid(name, f"node {twice[0]} is listed twice")
    for node in nodes:
        if node.status not in STATUSES:
            raise _invalid(name, f'node {node.name} has the unknown status "{node.status}"')
        if node.has_file:
            _check_path(node.file, name)
    cluster_file = str(tree.get("cluster-file") or "")
    if cluster_file:
        _check_path(cluster_file, name)
    return FleetManifest(
        selection=_map(tree, "selection", name),
        runs=tuple(_parse_record(FleetRun, item, name) for item in _list(tree, "runs", name)),
        settings=_map(tree, "settings", name),
        nodes=nodes,
        arrived=tuple(map(str, _list(tree, "arrived", name))),
        departed=tuple(map(str, _list(tree, "departed", name))),
        cluster_file=cluster_file,
    )


def build_record(record: FleetNode | FleetRun) -> dict[str, Any]:
    """Return a node's or a run's entry as a map; empty fields are left out."""
    found = ((item.name, getattr(record, item.name)) for item in fields(record))
    return {name.replace("_", "-"): value for name, value in found if value}


def _parse_record(kind: Any, item: object, name: str) -> Any:
    if not isinstance(item, dict):
        raise _invalid(name, "an entry is not a map")
    known = {field_.name: field_.default for field_ in fields(kind)}
    values = {key.replace("-", "_"): value for key, value in item.items() if isinstance(key, str)}
    found = {key: value for key, value in values.items() if key in known}
    for key, value in found.items():
        is_number = isinstance(known[key], float)
        if isinstance(value, bool) or not isinstance(value, (int, float) if is_number else str):
            raise _invalid(name, f"{key} of an entry is not {'a number' if is_number else 'text'}")
    try:
        return kind(**found)
    except TypeError as error:
        raise _invalid(name, "an entry has no name or status") from error


def _check_path(path: str, name: str) -> None:
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or "\0" in path:
        raise _invalid(name, f'file "{path}" is not inside the fleet')


def _list(tree: Mapping[str, Any], key: str, name: str) -> list[Any]:
    value = tree.get(key) or []
    if not isinstance(value, list):
        raise _invalid(name, f"{key} is not a list")
    return value


def _map(tree: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    value = tree.get(key) or {}
    if not isinstance(value, dict):
        raise _invalid(name, f"{key} is not a map")
    return value


def _invalid(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{name} is not the manifest of a fleet", why)
