"""Why the agent's pod was deleted before its result arrived: eviction, or another client. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, NotFound, ServiceUnavailable
from kubectl_snapshot.job.pod import is_suspended, node_name, pod_condition, pod_title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions


def diagnose_deleted(
    pod: Mapping[str, Any],
    options: JobOptions,
    job: Mapping[str, Any] | None,
    has_namespace: bool,
) -> SnapshotError:
    """Return why the pod was deleted: evicted, its Job suspended, or what else was deleted.

    `job` is empty if it could not be read, None if it does not exist.
    """
    condition = pod_condition(pod, "DisruptionTarget")
    if condition.get("status") == "True":
        node = node_name(pod)
        return ServiceUnavailable(
            f"the agent's pod was evicted from node {node}",
            f"{condition.get('reason', '')}: {condition.get('message', '')}",
            f"see `kubectl describe node {node}`: it may be draining; run it again afterwards",
        )
    title = pod_title(pod)
    if not has_namespace:
        return NotFound(
            f"namespace {options.namespace} was deleted during the capture",
            f"pod {title} was deleted before its result arrived",
            "pass another one with -n",
        )
    if job is None:
        return Internal(
            f"Job {options.namespace}/{options.name} was deleted by another client",
            f"pod {title} was deleted before its result arrived",
            "run it again",
        )
    if is_suspended(job):
        return ServiceUnavailable(
            f"Job {options.namespace}/{options.name} was suspended during the capture",
            f"pod {title} was deleted: a job queue such as Kueue makes room for others so",
            "run it again, with --wait-for-schedule to wait for the queue",
        )
    return Internal(
        "the agent's pod was deleted before its result arrived", f"pod {title}", "run it again"
    )
