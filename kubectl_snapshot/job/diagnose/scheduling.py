"""Why the pod is unschedulable, from the scheduler's message: taints, resources, selector. Pure.

The message comes from k8s.io/kubernetes pkg/scheduler/framework/plugins and counts nodes per cause.
A node that lacks only a toleration or resources says more than one that does not match.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import NotFound, ServiceUnavailable
from kubectl_snapshot.job.admission_changes import WEBHOOKS
from kubectl_snapshot.job.manifest import build_tolerations
from kubectl_snapshot.job.options import GPU_RESOURCE
from kubectl_snapshot.job.pod import pod_condition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

OS_LABEL = "kubernetes.io/os"
KEEP_WAITING = "--wait-for-schedule waits for a node"


def diagnose_unschedulable(pod: Mapping[str, Any], options: JobOptions) -> SnapshotError:
    """Return why no node accepts the pod, and how to fix it."""
    message = str(pod_condition(pod, "PodScheduled").get("message", ""))
    return (
        _diagnose_volume(message, options)
        or _diagnose_changes(message, pod.get("spec") or {}, options)
        or _diagnose_taint(message)
        or _diagnose_room(message, options)
        or _diagnose_selection(message, options)
    )


def _diagnose_volume(message: str, options: JobOptions) -> SnapshotError | None:
    if "volume" not in message.lower():
        return None
    return NotFound(
        "the agent's pod waits for a volume that kubectl-snapshot did not add",
        message,
        "find what adds it to pods: `kubectl get mutatingwebhookconfigurations`, "
        f"`kubectl get pvc -n {options.namespace}`",
    )


def _diagnose_changes(
    message: str, spec: Mapping[str, Any], options: JobOptions
) -> SnapshotError | None:
    """Return that no node accepts what admission made of selector, tolerations or affinity."""
    selector = spec.get("nodeSelector") or {}
    added = [f"{k}={v}" for k, v in selector.items() if k not in (*options.node_selector, OS_LABEL)]
    asked = build_tolerations(options)
    got = spec.get("tolerations") or ()
    has_lost = "containers" in spec and any(toleration not in got for toleration in asked)
    changes = [
        ("affinity/selector", added, f"admission added the node selector {', '.join(added)}"),
        (
            "untolerated taint",
            has_lost,
            "admission removed the agent's tolerations",
        ),
        (
            "anti-affinity",
            (spec.get("affinity") or {}).get("podAntiAffinity"),
            "admission added a pod anti-affinity",
        ),
    ]
    texts = [text for mark, is_changed, text in changes if is_changed and mark in message]
    if not texts:
        return None
    return NotFound(
        "no node accepts the agent's pod as admission changed it",
        f"{'; '.join(texts)}; {message}",
        WEBHOOKS,
    )


def _diagnose_taint(message: str) -> SnapshotError | None:
    # Kubernetes before 1.34 names the taint.
    taint = re.search(r"untolerated taint\S*(?: \{([^}]*)\})?", message)
    if taint is None:
        return None
    named = f" {taint[1]}" if taint[1] else ""
    return NotFound(
        f"no node accepts the agent's pod: untolerated taint{named}",
        message,
        "see `kubectl describe nodes`, and pass --toleration for it; "
        "without any --toleration every taint is tolerated",
    )


def _diagnose_room(message: str, options: JobOptions) -> SnapshotError | None:
    resources = [name.rstrip(".") for name in re.findall(r"Insufficient ([\w./-]+)", message)]
    if options.require_gpu and GPU_RESOURCE in resources:
        # Its message is the same for a node whose GPUs are in use and for a node without any.
        return NotFound(
            "no node has a free GPU for the agent's pod",
            message,
            f"see `kubectl describe nodes`, or omit --require-gpu; {KEEP_WAITING}",
        )
    if resources or "Too many pods" in message:
        lacking = " and ".join(dict.fromkeys(resources)) or "pods"
        return ServiceUnavailable(
            f"no node has room for the agent's pod: insufficient {lacking}",
            message,
            f"see `kubectl describe nodes`; {KEEP_WAITING}",
        )
    if "were unschedulable" in message:
        return ServiceUnavailable(
            "all matching nodes are cordoned",
            message,
            f"`kubectl uncordon` one, or omit --toleration; {KEEP_WAITING}",
        )
    return None


def _diagnose_selection(message: str, options: JobOptions) -> SnapshotError:
    selection = [f"{key}={value}" for key, value in options.node_selector.items()]
    if options.node_name:
        selection.append(f"the name {options.node_name}")
    return NotFound(
        f"no node matches {', '.join(selection)}"
        if selection
        else "no node accepts the agent's pod",
        message,
        f"list the nodes with `kubectl get nodes --show-labels`; {KEEP_WAITING}",
    )
