"""Which nodes can run the agent's pod, as the scheduler decides it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.errors import NotFound, ServiceUnavailable, SnapshotError
from kubectl_snapshot.job.node_affinity import GPU_LABELS, VIRTUAL_LABELS
from kubectl_snapshot.job.options import GPU_RESOURCE
from kubectl_snapshot.job.preflight.checks import (
    NODES,
    OK,
    PreflightCheck,
    build_failed_check,
)
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.preflight.checks import Answer
    from kubectl_snapshot.job.selectors import Toleration

    Node = Mapping[str, Any]

# Taints of other effects do not prevent scheduling.
HARD_EFFECTS = ("NoSchedule", "NoExecute")
# The taint of a cordoned node (k8s.io/api core/v1, TaintNodeUnschedulable).
CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
MAX_NAMED = 3
CRI_O = "cri-o://"
KWOK = "kwok.x-k8s.io/node"
VIRTUAL_TAINTS = {"virtual-kubelet.io/provider", "eks.amazonaws.com/compute-type", KWOK}
VIRTUAL_PROVIDERS = ("kwok://", "virtual-kubelet://")
# Device plugin of NVIDIA: whole GPUs, time-sliced ones (`.shared`), MIG devices.
GPU_RESOURCES = (GPU_RESOURCE, "nvidia.com/mig-")


def build_node_query(options: JobOptions) -> dict[str, str]:
    """Return label and field selector of the nodes that match the pod."""
    labels = {**options.node_selector, "kubernetes.io/os": "linux"}
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
    if options.node_name:
        query["fieldSelector"] = f"metadata.name={options.node_name}"
    return query


def detect_nodes(nodes: Sequence[Node], options: JobOptions) -> PreflightCheck:
    """Return the check whether one of these matching nodes can run the pod."""
    target = _render_target(options)
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
    no_gpu = detect_gpu_request(ready, options)
    if no_gpu is not None:
        return no_gpu
    usable = [node for node in ready if not is_virtual(node)] or ready
    return PreflightCheck(NODES, OK, _describe_choice(usable, options))


def _describe_choice(nodes: Sequence[Node], options: JobOptions) -> str:
    """Return the nodes that can run the pod, those with GPUs first: the scheduler takes one."""
    is_free = not options.node_name and not options.node_selector
    with_gpus = [node for node in nodes if is_free and _is_gpu_node(node, options)]
    text = f"{len(nodes)} can run the pod: {render_node_names(nodes)}"
    if len(nodes) == 1 or not with_gpus:
        return text
    return f"{text}; it prefers one with GPUs: {render_node_names(with_gpus)}"


def choose_nodes(nodes: Sequence[Node], options: JobOptions) -> JobOptions:
    """Return the options with the GPU nodes, and without those not Ready or virtual, if others can
    run the pod.

    A pod that tolerates every taint is bound to a dead node, too. `gpu_nodes` of the options are
    those that offer GPUs by DRA; labels and allocatable resources tell the others.
    """
    usable = [node for node in nodes if is_ready(node) and not is_virtual(node)]
    names = tuple(node["metadata"]["name"] for node in usable if _is_gpu_node(node, options))
    if not usable:
        return options
    excluded = tuple(node["metadata"]["name"] for node in nodes if node not in usable)
    return replace(options, excluded_nodes=excluded, gpu_nodes=names)


def describe_node(node: Node) -> str:
    """Return the warning about a node that was asked for by name, empty for a usable one."""
    name = node["metadata"]["name"]
    if is_virtual(node):
        return f"node {name} is virtual: it has no host to read; trying it, as it was asked for"
    if is_ready(node):
        return ""
    condition = _find_ready(node)
    why = f" ({condition.get('reason', '')} since {condition.get('lastTransitionTime', '')})"
    return f"node {name} is not Ready{why if condition else ''}; trying it, as it was asked for"


def take_recursive_read_only(nodes: Sequence[Node]) -> bool:
    """Return whether the runtimes of all these nodes take `/` as a recursively read-only mount.

    CRI-O refuses `IfPossible` (KEP-3857), too: it propagates mounts into what has its storage
    below, and recursion needs a private mount (server/container_create_linux.go, 1.34 and 1.37).
    """
    infos = [(node.get("status") or {}).get("nodeInfo") or {} for node in nodes]
    runtimes = [str(info.get("containerRuntimeVersion", "")) for info in infos]
    return bool(runtimes) and all(text and not text.startswith(CRI_O) for text in runtimes)


def is_virtual(node: Node) -> bool:
    """Return whether a node has no kubelet or no host, by labels, annotation, provider or taint."""
    metadata, spec = node["metadata"], node.get("spec", {})
    labels = metadata.get("labels") or {}
    keys = {taint["key"] for taint in spec.get("taints") or ()}
    return (
        any(labels.get(key) in values for key, values in VIRTUAL_LABELS.items())
        or str(spec.get("providerID", "")).startswith(VIRTUAL_PROVIDERS)
        or bool(keys & VIRTUAL_TAINTS)
        or KWOK in (metadata.get("annotations") or {})
    )


def has_gpu(node: Node) -> bool:
    """Return whether a node has GPUs, by its labels or what its device plugin allocates."""
    labels = node["metadata"].get("labels") or {}
    return any(label in labels for label in GPU_LABELS) or bool(find_gpu_resources(node))


def find_offering_nodes(answer: Answer | None) -> tuple[str, ...]:
    """Return the nodes whose ResourceSlices have devices; none if the list was refused."""
    items = answer.body.get("items") or () if isinstance(answer, Response) else ()
    specs = (item.get("spec") or {} for item in items)
    return tuple(
        sorted({spec["nodeName"] for spec in specs if spec.get("nodeName") and spec.get("devices")})
    )


def _is_gpu_node(node: Node, options: JobOptions) -> bool:
    return has_gpu(node) or node["metadata"]["name"] in options.gpu_nodes


def find_gpu_resources(node: Node) -> list[str]:
    """Return the allocatable GPU resources: nvidia.com/gpu, its shared form, MIG devices."""
    allocatable = node.get("status", {}).get("allocatable") or {}
    return sorted(
        name
        for name, count in allocatable.items()
        if name.startswith(GPU_RESOURCES) and str(count) != "0"
    )


def detect_gpu_request(nodes: Sequence[Node], options: JobOptions) -> PreflightCheck | None:
    """Return the failed check of --require-gpu if no node has the resource it requests."""
    if not options.require_gpu or not nodes or any(count_gpus(node) for node in nodes):
        return None
    others = sorted({name for node in nodes for name in find_gpu_resources(node)})
    if any(node["metadata"]["name"] in options.gpu_nodes for node in nodes):
        others.append("ResourceSlices (DRA)")
    why = f"{GPU_RESOURCE} is not allocatable on {render_node_names(nodes)}"
    hint = "check that the NVIDIA device plugin runs there, or omit --require-gpu"
    if others:
        why += f", which has {', '.join(others)}"
        hint = (
            "omit --require-gpu: a privileged pod reads every GPU and MIG device without a request"
        )
    target = _render_target(options)
    no_gpu = NotFound(f"no node that matches {target} has an allocatable GPU", why, hint)
    return build_failed_check(NODES, no_gpu)


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
    return _find_ready(node).get("status") == "True"


def _find_ready(node: Node) -> Mapping[str, str]:
    conditions = node.get("status", {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == "Ready"), {})


def _render_target(options: JobOptions) -> str:
    selection = [f"{key}={value}" for key, value in options.node_selector.items()]
    selection += [f"the name {options.node_name}"] if options.node_name else []
    return ", ".join(selection) or "the agent's pod"


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
