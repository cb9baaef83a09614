"""Which nodes can run the agent's pod, as the scheduler decides it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import NotFound, ServiceUnavailable, SnapshotError
from kubectl_snapshot.job.options import GPU_RESOURCE
from kubectl_snapshot.job.preflight.checks import (
    NODES,
    OK,
    WARN,
    PreflightCheck,
    build_failed_check,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.selectors import Toleration

    Node = Mapping[str, Any]

# Taints of other effects do not prevent scheduling.
HARD_EFFECTS = ("NoSchedule", "NoExecute")
# The taint of a cordoned node (k8s.io/api core/v1, TaintNodeUnschedulable).
CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
MAX_NAMED = 3


def build_node_query(options: JobOptions) -> dict[str, str]:
    """Return label and field selector of the nodes that match the pod."""
    labels = {"kubernetes.io/os": "linux", **options.node_selector}
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
    if options.node_name:
        query["fieldSelector"] = f"metadata.name={options.node_name}"
    return query


def detect_nodes(nodes: Sequence[Node], options: JobOptions) -> PreflightCheck:
    """Return the check whether one of these matching nodes can run the pod."""
    selection = [f"{key}={value}" for key, value in options.node_selector.items()]
    selection += [f"the name {options.node_name}"] if options.node_name else []
    target = ", ".join(selection) or "the agent's pod"
    if not nodes:
        why = "no Linux node in the cluster matches"
        hint = "list them with `kubectl get nodes --show-labels`"
        return build_failed_check(NODES, NotFound(f"no node matches {target}", why, hint))
    open_nodes = [node for node in nodes if not find_taints(node, options.tolerations)]
    if not open_nodes:
        return build_failed_check(NODES, _build_taint_error(target, nodes, options))
    ready = [node for node in open_nodes if is_ready(node)]
    if not ready:
        error = ServiceUnavailable(
            f"no node that matches {target} is Ready",
            f"not Ready: {render_node_names(open_nodes)}",
            f"see `kubectl describe node {open_nodes[0]['metadata']['name']}`",
        )
        return build_failed_check(NODES, error)
    if options.require_gpu and not any(count_gpus(node) for node in ready):
        no_gpu = NotFound(
            f"no node that matches {target} has an allocatable GPU",
            f"{GPU_RESOURCE} is not allocatable on {render_node_names(ready)}",
            "check that the NVIDIA device plugin runs there, or omit --require-gpu",
        )
        return build_failed_check(NODES, no_gpu)
    if len(ready) < len(open_nodes):
        not_ready = [node for node in open_nodes if node not in ready]
        return PreflightCheck(
            NODES,
            WARN,
            f"the pod may be scheduled to a node that is not Ready: {render_node_names(not_ready)}",
            f"choose one with --node, as in --node {ready[0]['metadata']['name']}",
        )
    return PreflightCheck(NODES, OK, f"{len(ready)} can run the pod: {render_node_names(ready)}")


def find_taints(node: Node, tolerations: Sequence[Toleration]) -> list[str]:
    """Return the node's untolerated taints in the syntax of --toleration."""
    if not tolerations:
        return []
    spec = node.get("spec", {})
    taints = [*(spec.get("taints") or ()), *([CORDONED] if spec.get("unschedulable") else ())]
    hard = (taint for taint in taints if taint["effect"] in HARD_EFFECTS)
    untolerated = (taint for taint in hard if not any(is_tolerated(taint, t) for t in tolerations))
    return list(dict.fromkeys(map(render_taint, untolerated)))


def is_tolerated(taint: Mapping[str, str], toleration: Toleration) -> bool:
    """Return whether a toleration matches a taint (k8s.io/api core/v1, ToleratesTaint)."""
    if toleration.effect not in ("", taint["effect"]):
        return False
    if toleration.key not in ("", taint["key"]):
        return False
    return toleration.operator == "Exists" or toleration.value == taint.get("value", "")


def is_ready(node: Node) -> bool:
    """Return whether the node is Ready."""
    conditions = node.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def count_gpus(node: Node) -> int:
    """Return the number of allocatable GPUs, used ones included."""
    text = str(node.get("status", {}).get("allocatable", {}).get(GPU_RESOURCE, "0"))
    return int(text) if text.isdecimal() else 0


def render_node_names(nodes: Sequence[Node]) -> str:
    """Return the first names, and the count of the others."""
    names = sorted(node["metadata"]["name"] for node in nodes)
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def render_taint(taint: Mapping[str, str]) -> str:
    """Return a taint in the syntax of kubectl and --toleration."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _build_taint_error(target: str, nodes: Sequence[Node], options: JobOptions) -> SnapshotError:
    first = find_taints(nodes[0], options.tolerations)
    flags = " ".join(f"--toleration {taint}" for taint in first)
    return NotFound(
        f"no node matches {target}",
        f"untolerated taints {', '.join(first)} on {render_node_names(nodes)}",
        f"pass {flags}, or omit --toleration to tolerate every taint",
    )
