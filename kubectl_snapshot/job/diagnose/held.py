"""What holds a run that has been started and has no pod, or a pod without a node. Pure.

A Job that is suspended, a pod with scheduling gates, a scheduler or controller that does not act:
none of them has a warning event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError
from kubectl_snapshot.job.pod import is_suspended, pod_condition
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.job.options import JobOptions

# k8s.io/api core/v1.
DEFAULT_SCHEDULER = "default-scheduler"
GATED = "SchedulingGated"
QUEUE_HINT = (
    "pass --job-label kueue.x-k8s.io/queue-name=NAME for Kueue, or -n with a namespace that it does"
    " not manage; --wait-for-schedule waits"
)
WAIT_HINT = "--wait-for-schedule waits for it, up to --timeout"


@dataclass(frozen=True)
class Hold:
    """What holds the run; `is_certain` is False for a controller that may only be slow."""

    error: SnapshotError
    is_certain: bool = True


def find_hold(
    pod: Mapping[str, Any], job: Mapping[str, Any] | None, options: JobOptions
) -> Hold | None:
    """Return what holds the run; `job` is None if it could not be read, `pod` empty without one."""
    if pod:
        return _find_pod_hold(pod)
    if job is None:
        return None
    if is_suspended(job):
        return Hold(build_suspended_error(options))
    if job.get("status"):
        return None
    return Hold(
        ServiceUnavailable(
            "no pod was created: the Job controller has not acted on the Job",
            "its status is empty; the controller manager is down or overloaded",
            f"see `kubectl get pods -n kube-system`; {WAIT_HINT}",
        ),
        is_certain=False,
    )


def build_suspended_error(options: JobOptions) -> SnapshotError:
    """Return the error of a Job that admission or a queue keeps suspended."""
    return ServiceUnavailable(
        f"Job {options.namespace}/{options.name} is suspended",
        "admission set suspend: true, as a job queue such as Kueue does, and nothing resumed it",
        QUEUE_HINT,
    )


def _find_pod_hold(pod: Mapping[str, Any]) -> Hold | None:
    spec = pod.get("spec") or {}
    gates = [str(gate.get("name", "")) for gate in spec.get("schedulingGates") or ()]
    condition = pod_condition(pod, "PodScheduled")
    if gates:
        return Hold(
            ServiceUnavailable(
                f"the agent's pod is held by scheduling gates: {', '.join(gates)}",
                f"{GATED}: admission added what its controller has not removed",
                f"see `kubectl get mutatingwebhookconfigurations`; {QUEUE_HINT}",
            )
        )
    if condition:
        return None
    scheduler = str(spec.get("schedulerName") or DEFAULT_SCHEDULER)
    is_default = scheduler == DEFAULT_SCHEDULER
    why = (
        "the scheduler is down or overloaded"
        if is_default
        else "admission chose it; no scheduler of this name is running"
    )
    return Hold(
        ServiceUnavailable(
            f"no scheduler has looked at the agent's pod: it waits for {scheduler}",
            why,
            f"see `kubectl get pods -n kube-system`; {WAIT_HINT}",
        ),
        is_certain=not is_default,
    )
