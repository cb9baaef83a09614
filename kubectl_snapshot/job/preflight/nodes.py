"""Where the agent's pod could run, as the scheduler will see it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import NotFound, ServiceUnavailable, SnapshotError
from kubectl_snapshot.job.options import GPU_RESOURCE
from kubectl_snapshot.job.preflight.checks import OK, WARN, PreflightCheck, build_failed_check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.selectors import Toleration

    Node = Mapping[str, Any]

CHECK = "nodes"
# A taint of any other effect keeps no pod away.
HARD_EFFECTS = ("NoSchedule", "NoExecute")
# What the scheduler takes a cordoned node for (k8s.io/api core/v1, TaintNodeUnschedulable).
CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
MAX_NAMED = 3


def build_node_query(options: JobOptions) -> dict[str, str]:
    """Return the selectors of the nodes that the pod asks for."""
    labels = {"kubernetes.io/os": "linux", **options.node_selector}
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
    if options.node_name:
        query["fieldSelector"] = f"metadata.name={options.node_name}"
    return query


def detect_nodes(nodes: Sequence[Node], options: JobOptions) -> PreflightCheck:
    """Return whether one of the nodes that were asked for takes the pod, and which."""
    wanted = [f"{key}={value}" for key, value in options.node_selector.items()]
    wanted += [f"the name {options.node_name}"] if options.node_name else []
    target = ", ".join(wanted) or "the agent's pod"
    if not nodes:
        why = "no Linux node of the cluster is like this"
        hint = "list them with `kubectl get nodes --show-labels`"
        return build_failed_check(CHECK, NotFound(f"no node fits {target}", why, hint))
    open_nodes = [node for node in nodes if not find_taints(node, options.tolerations)]
    if not open_nodes:
        return build_failed_check(CHECK, _build_taint_error(target, nodes, options))
    ready = [node for node in open_nodes if is_ready(node)]
    if not ready:
        error = ServiceUnavailable(
            f"no node that fits {target} is Ready",
            f"not Ready: {render_node_names(open_nodes)}",
            f"see `kubectl describe node {open_nodes[0]['metadata']['name']}`",
        )
        return build_failed_check(CHECK, error)
    if options.require_gpu and not any(count_gpus(node) for node in ready):
        no_gpu = NotFound(
            f"no node that fits {target} has a GPU to give",
            f"{GPU_RESOURCE} is not allocatable on {render_node_names(ready)}",
            "see that the NVIDIA device plugin runs there, or leave --require-gpu out",
        )
        return build_failed_check(CHECK, no_gpu)
    if len(ready) < len(open_nodes):
        lame = [node for node in open_nodes if node not in ready]
        return PreflightCheck(
            CHECK,
            WARN,
            f"the pod may be put on a node that is not Ready: {render_node_names(lame)}",
            f"choose one with --node, as in --node {ready[0]['metadata']['name']}",
        )
    return PreflightCheck(CHECK, OK, f"{len(ready)} can run the pod: {render_node_names(ready)}")


def find_taints(node: Node, tolerations: Sequence[Toleration]) -> list[str]:
    """Return the node's taints that keep the pod away, as --toleration takes them."""
    if not tolerations:
        return []
    spec = node.get("spec", {})
    taints = [*(spec.get("taints") or ()), *([CORDONED] if spec.get("unschedulable") else ())]
    hard = (taint for taint in taints if taint["effect"] in HARD_EFFECTS)
    kept = (taint for taint in hard if not any(is_tolerated(taint, t) for t in tolerations))
    return list(dict.fromkeys(map(render_taint, kept)))


def is_tolerated(taint: Mapping[str, str], toleration: Toleration) -> bool:
    """Return whether a toleration matches a taint (k8s.io/api core/v1, ToleratesTaint)."""
    if toleration.effect not in ("", taint["effect"]):
        return False
    if toleration.key not in ("", taint["key"]):
        return False
    return toleration.operator == "Exists" or toleration.value == taint.get("value", "")


def is_ready(node: Node) -> bool:
    """Return whether the node's kubelet has told, lately, that it takes pods."""
    conditions = node.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def count_gpus(node: Node) -> int:
    """Return how many GPUs the node has for pods; used ones count."""
    text = str(node.get("status", {}).get("allocatable", {}).get(GPU_RESOURCE, "0"))
    return int(text) if text.isdecimal() else 0


def render_node_names(nodes: Sequence[Node]) -> str:
    """Return the first names, and how many more there are."""
    names = sorted(node["metadata"]["name"] for node in nodes)
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def render_taint(taint: Mapping[str, str]) -> str:
    """Return a taint as kubectl and --toleration write it."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _build_taint_error(target: str, nodes: Sequence[Node], options: JobOptions) -> SnapshotError:
    first = find_taints(nodes[0], options.tolerations)
    flags = " ".join(f"--toleration {taint}" for taint in first)
    return NotFound(
        f"no node fits {target}",
        f"untolerated taints {', '.join(first)} on {render_node_names(nodes)}",
        f"pass {flags}, or no --toleration at all, which tolerates every taint",
    )
