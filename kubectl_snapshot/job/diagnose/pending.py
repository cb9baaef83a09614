"""What a pod's state and the run's events say about why it does not go on. Pure.

From the watch itself, never from the Job's conditions: those come last and say only
BackoffLimitExceeded. Each answer is the error that the capture ends with, or None to go on waiting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import (
    Internal,
    NotFound,
    ServiceUnavailable,
    SnapshotError,
    Timeout,
    Unauthorized,
)
from kubectl_snapshot.job.diagnose.image import IMAGE_REASONS, diagnose_image
from kubectl_snapshot.job.diagnose.pod_state import (
    container_state,
    is_unschedulable,
    node_name,
    pod_condition,
    pod_title,
)
from kubectl_snapshot.job.diagnose.scheduling import diagnose_unschedulable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.job.options import JobOptions

CREATE_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


def diagnose_waiting(
    pod: Mapping[str, Any], container: str, options: JobOptions
) -> SnapshotError | None:
    """Return why the container cannot start, where that does not mend itself."""
    waiting = container_state(pod, container).get("waiting", {})
    reason, words = waiting.get("reason", ""), waiting.get("message", "")
    if reason in IMAGE_REASONS:
        return diagnose_image(reason, words, options.image, node_name(pod))
    if reason in CREATE_REASONS:
        return Internal(
            f"{node_name(pod)} cannot start the agent's container",
            f"{reason}: {words}",
            f"see `kubectl describe pod {pod['metadata']['name']}"
            f" -n {pod['metadata']['namespace']}` of a run with --no-cleanup",
        )
    return None


def diagnose_node(pod: Mapping[str, Any], words: str) -> SnapshotError:
    """Return that a node's kubelet, through which every log comes, does not answer."""
    node = node_name(pod)
    return ServiceUnavailable(
        f"node {node} does not answer: its kubelet is down or cannot be reached",
        words,
        f"see `kubectl describe node {node}`, or pass --node with another one",
    )


def diagnose_log_refused(pod: Mapping[str, Any], error: SnapshotError) -> SnapshotError:
    """Return that a kubelet answers and gives out no logs (KubeletConfiguration v1beta1)."""
    node = node_name(pod)
    return Internal(
        f"node {node} does not give out the logs of its containers",
        f"the answer is {error.status}: {error.why}",
        "set `enableDebuggingHandlers: true` in its kubelet's configuration, "
        "or run `kubectl-snapshot --local` on it",
        status=error.status,
    )


def diagnose_login(error: SnapshotError) -> SnapshotError:
    """Return that credentials which were good when the run began are refused now."""
    return Unauthorized(
        "the login expired, or was revoked, while the capture ran",
        error.why,
        "log in again, check with `kubectl auth whoami`, and run it again",
        status=error.status,
    )


def diagnose_deleted(
    pod: Mapping[str, Any], options: JobOptions, has_job: bool, has_namespace: bool
) -> SnapshotError:
    """Return who took the pod away before its result came, as far as can be told."""
    condition = pod_condition(pod, "DisruptionTarget")
    if condition.get("status") == "True":
        node = node_name(pod)
        return ServiceUnavailable(
            f"the agent's pod was evicted from node {node}",
            f"{condition.get('reason', '')}: {condition.get('message', '')}",
            f"see `kubectl describe node {node}`: it may be drained; run it again afterwards",
        )
    title = pod_title(pod)
    if not has_namespace:
        return NotFound(
            f"namespace {options.namespace} was deleted while the capture ran",
            f"its pod {title} was deleted before its result came",
            "pass another one with -n",
        )
    if not has_job:
        return Internal(
            f"Job {options.namespace}/{options.name} was deleted by somebody else",
            f"its pod {title} was deleted before its result came",
            "run it again",
        )
    return Internal(
        "the agent's pod was deleted before its result came", f"pod {title}", "run it again"
    )


def diagnose_timeout(
    pod: Mapping[str, Any], container: str, options: JobOptions, last_warning: str
) -> SnapshotError:
    """Return what the run was waiting for when its time was up."""
    hint = "pass a longer --timeout, or look with --no-cleanup"
    if not pod:
        waited = "no pod was made"
    elif is_unschedulable(pod):
        if not options.wait_for_schedule:
            return diagnose_unschedulable(pod, options)
        waited = f"no node: {pod_condition(pod, 'PodScheduled').get('message', '')}"
    else:
        state = container_state(pod, container)
        phase = pod.get("status", {}).get("phase", "Pending")
        waiting = state.get("waiting", {}).get("reason", "")
        waited = f"its pod on {node_name(pod) or 'no node yet'} is {phase}"
        waited += f" ({waiting})" if waiting else ""
    why = f"{waited}; last warning: {last_warning}" if last_warning else waited
    return Timeout(f"no result within {options.timeout_s:g} s", why, hint)
