"""Which nodes a fleet has, and which of them cannot run a pod. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.document.fleet.manifest import SKIPPED, FleetNode
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.job.preflight.nodes import find_taints, is_ready
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.suggest import suggest
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kubectl_snapshot.job.selectors import Toleration

# Causes of nodes that no pod is created for.
NOT_FOUND, NOT_READY, NOT_LINUX = "no such node", "not Ready", "not Linux"
VIRTUAL, TAINTED, TERMINATING = "virtual kubelet", "untolerated taint", "node is being deleted"

OS_LABEL = "kubernetes.io/os"
# The label and the taint that Virtual Kubelet sets by default (virtual-kubelet/node-cli).
VIRTUAL_LABEL = ("type", "virtual-kubelet")
VIRTUAL_TAINT = "virtual-kubelet.io/provider"
MAX_LABELS_NAMED = 8


@dataclass(frozen=True)
class FleetSelection:
    """The nodes of a fleet: all, those of a label selector, or named ones."""

    all_nodes: bool = False
    selector: str = ""
    names: tuple[str, ...] = ()

    @property
    def is_given(self) -> bool:
        """Return whether anything is selected."""
        return self.all_nodes or bool(self.selector or self.names)


@dataclass(frozen=True)
class KnownNode:
    """The fields of a Node object that decide whether and how it is captured."""

    name: str
    uid: str
    boot_id: str
    skip_cause: str = ""
    skip_reason: str = ""


def validate_selection(selection: FleetSelection) -> None:
    """Raise InvalidRequest unless exactly one way of selecting nodes is used."""
    ways = {
        "--all-nodes": selection.all_nodes,
        "--selector": bool(selection.selector),
        "--node": bool(selection.names),
    }
    given = [flag for flag, is_given in ways.items() if is_given]
    if len(given) > 1:
        raise InvalidRequest(
            f"{given[0]} and {given[1]} are mutually exclusive", hint="leave one of them out"
        )
    if not given:
        raise InvalidRequest(
            "no nodes selected", hint="use --all-nodes, -l SELECTOR, several --node or --nodes-from"
        )


def build_selection_tree(selection: FleetSelection) -> dict[str, Any]:
    """Return the selection as it is written into the manifest."""
    if selection.all_nodes:
        return {"all-nodes": True}
    if selection.selector:
        return {"selector": selection.selector}
    return {"nodes": list(selection.names)}


def parse_selection_tree(tree: Mapping[str, Any]) -> FleetSelection:
    """Return the selection of a manifest."""
    return FleetSelection(
        all_nodes=tree.get("all-nodes") is True,
        selector=str(tree.get("selector") or ""),
        names=tuple(map(str, tree.get("nodes") or ())),
    )


def parse_names(text: str) -> tuple[str, ...]:
    """Return the node names of a text, one a line; blank lines and comments (#) are left out."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    names = tuple(name[len("node/") :] if name.startswith("node/") else name for name in lines)
    return tuple(dict.fromkeys(filter(None, names)))


def build_known_node(item: Mapping[str, Any], tolerations: Sequence[Toleration]) -> KnownNode:
    """Return the fields of a core/v1 Node, with the cause if no pod can run on it."""
    metadata = item["metadata"]
    info = (item.get("status") or {}).get("nodeInfo") or {}
    cause, reason = detect_obstacle(item, tolerations)
    return KnownNode(
        metadata["name"], str(metadata.get("uid", "")), str(info.get("bootID", "")), cause, reason
    )


def detect_obstacle(item: Mapping[str, Any], tolerations: Sequence[Toleration]) -> tuple[str, str]:
    """Return cause and reason why no pod is created on a node, both empty if one is."""
    metadata, spec = item["metadata"], item.get("spec") or {}
    labels = metadata.get("labels") or {}
    if "deletionTimestamp" in metadata:
        return TERMINATING, f"deleted at {metadata['deletionTimestamp']}"
    taints = {taint["key"] for taint in spec.get("taints") or ()}
    if labels.get(VIRTUAL_LABEL[0]) == VIRTUAL_LABEL[1] or VIRTUAL_TAINT in taints:
        return VIRTUAL, "it has no host that a pod could read"
    system = labels.get(OS_LABEL, "")
    if system != "linux":
        return NOT_LINUX, f"its label {OS_LABEL} is {system}" if system else f"no label {OS_LABEL}"
    if not is_ready(item):
        return NOT_READY, _describe_not_ready(item)
    untolerated = find_taints(item, tolerations)
    if untolerated:
        cordoned = " (cordoned)" if spec.get("unschedulable") else ""
        return TAINTED, f"{', '.join(untolerated)}{cordoned}"
    return "", ""


def choose_nodes(
    known: Iterable[KnownNode], selection: FleetSelection
) -> tuple[list[KnownNode], list[FleetNode]]:
    """Return the nodes to capture, and the entries of those that are skipped, both by name.

    Raises NotFound if none of the selected nodes exists.
    """
    listed = {node.name: node for node in known}
    names = selection.names or sorted(listed)
    found = [listed[name] for name in names if name in listed]
    if not found:
        raise NotFound(
            f"no node matches {describe_selection(selection)}"
            if names
            else "this cluster has no node",
            hint=suggest(names[0] if names else "", listed, "list them with `kubectl get nodes`"),
        )
    missing = [
        FleetNode(name, SKIPPED, NOT_FOUND, suggest(name, listed, "").strip() or NOT_FOUND)
        for name in names
        if name not in listed
    ]
    skipped = [skip(node, node.skip_cause, node.skip_reason) for node in found if node.skip_cause]
    chosen = [node for node in found if not node.skip_cause]
    return (
        sorted(chosen, key=lambda node: node.name),
        sorted([*missing, *skipped], key=lambda entry: entry.name),
    )


def skip(node: KnownNode, cause: str, reason: str) -> FleetNode:
    """Return the entry of a node that no pod was created for."""
    text = single_line(reason)
    return FleetNode(node.name, SKIPPED, cause, text, uid=node.uid, boot_id=node.boot_id)


def describe_selection(selection: FleetSelection) -> str:
    """Return the selection for messages."""
    if selection.selector:
        return f"the selector {selection.selector}"
    return ", ".join(selection.names[:3]) if selection.names else "all nodes"


def build_no_match_error(selector: str, labels: Iterable[Mapping[str, str]]) -> NotFound:
    """Return the error of a selector that matches nothing; it names labels that exist."""
    key = selector.replace("!", "=").partition("=")[0].partition(" ")[0].strip("() ")
    pairs = sorted({(name, value) for one in labels for name, value in one.items()})
    same = [f"{name}={value}" for name, value in pairs if name == key][:MAX_LABELS_NAMED]
    if same:
        hint = f"labels that exist: {', '.join(same)}"
    else:
        keys = dict.fromkeys(name for name, _ in pairs)
        hint = suggest(key, keys, "list them with `kubectl get nodes --show-labels`")
    return NotFound(f"no node matches the selector {selector}", hint=hint)


def _describe_not_ready(item: Mapping[str, Any]) -> str:
    conditions = (item.get("status") or {}).get("conditions") or ()
    ready: Mapping[str, Any] = next((c for c in conditions if c["type"] == "Ready"), {})
    if not ready:
        return "it has never reported its status"
    since = f"since {ready['lastTransitionTime']}" if ready.get("lastTransitionTime") else ""
    why = ready.get("message") or ready.get("reason") or ""
    return single_line(": ".join(filter(None, (since, str(why)))))
