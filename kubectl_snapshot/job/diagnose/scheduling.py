"""Why no node takes the agent's pod: the scheduler's words turned into advice. Pure.

The words are those of k8s.io/kubernetes pkg/scheduler/framework/plugins, with a count of nodes per
cause. Nodes that fit but for a taint or for room say more than those that were never meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import NotFound, ServiceUnavailable
from kubectl_snapshot.job.options import GPU_RESOURCE
from kubectl_snapshot.job.pod import pod_condition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

KEEP_WAITING = "--wait-for-schedule waits for one"


def diagnose_unschedulable(pod: Mapping[str, Any], options: JobOptions) -> SnapshotError:
    """Return what keeps the pod from every node, and what to do about it."""
    words = str(pod_condition(pod, "PodScheduled").get("message", ""))
    return (
        _diagnose_volume(words, options)
        or _diagnose_taint(words)
        or _diagnose_room(words, options)
        or _diagnose_selection(words, options)
    )


def _diagnose_volume(words: str, options: JobOptions) -> SnapshotError | None:
    if "volume" not in words.lower():
        return None
    return NotFound(
        "the agent's pod waits for a volume that is not ours",
        words,
        "see who adds it to pods: `kubectl get mutatingwebhookconfigurations`, "
        f"`kubectl get pvc -n {options.namespace}`",
    )


def _diagnose_taint(words: str) -> SnapshotError | None:
    # Kubernetes before 1.34 names the taint.
    taint = re.search(r"untolerated taint\S*(?: \{([^}]*)\})?", words)
    if taint is None:
        return None
    named = f" {taint[1]}" if taint[1] else ""
    return NotFound(
        f"no node takes the agent's pod: its taint{named} is not tolerated",
        words,
        "see `kubectl describe nodes`, and pass --toleration for it too; "
        "without any --toleration every taint is tolerated",
    )


def _diagnose_room(words: str, options: JobOptions) -> SnapshotError | None:
    resources = [name.rstrip(".") for name in re.findall(r"Insufficient ([\w./-]+)", words)]
    if options.require_gpu and GPU_RESOURCE in resources:
        # They may be in use; the scheduler does not tell that from a node that has none.
        return NotFound(
            "no node has a GPU to give to the agent's pod",
            words,
            f"see `kubectl describe nodes`, or leave --require-gpu out; {KEEP_WAITING}",
        )
    if resources or "Too many pods" in words:
        lacking = " and ".join(dict.fromkeys(resources)) or "pods"
        return ServiceUnavailable(
            f"no node has room for the agent's pod: not enough {lacking}",
            words,
            f"see `kubectl describe nodes`; {KEEP_WAITING}",
        )
    if "were unschedulable" in words:
        return ServiceUnavailable(
            "the nodes that fit are cordoned",
            words,
            f"`kubectl uncordon` one, or pass no --toleration; {KEEP_WAITING}",
        )
    return None


def _diagnose_selection(words: str, options: JobOptions) -> SnapshotError:
    wanted = [f"{key}={value}" for key, value in options.node_selector.items()]
    if options.node_name:
        wanted.append(f"the name {options.node_name}")
    return NotFound(
        f"no node fits {', '.join(wanted)}" if wanted else "no node takes the agent's pod",
        words,
        f"list the nodes with `kubectl get nodes --show-labels`; {KEEP_WAITING}",
    )
