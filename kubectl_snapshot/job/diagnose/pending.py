"""Why a Pending pod does not start, where waiting longer would not help. Pure.

A pod without a node: scheduling.py. An image that cannot be pulled: image.py. The cause comes from
the watch, never from the Job's conditions: those come last and say only BackoffLimitExceeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal
from kubectl_snapshot.job.diagnose.image import IMAGE_REASONS, diagnose_image
from kubectl_snapshot.job.diagnose.init_containers import diagnose_init
from kubectl_snapshot.job.pod import container_state, node_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

CREATE_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


def diagnose_pending(
    pod: Mapping[str, Any], container: str, options: JobOptions
) -> SnapshotError | None:
    """Return why the container cannot start; None while it may still start."""
    waiting = container_state(pod, container).get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in IMAGE_REASONS:
        secrets = options.image_pull_secrets
        return diagnose_image(reason, message, options.image, node_name(pod), secrets)
    if reason in CREATE_REASONS:
        return Internal(
            f"node {node_name(pod)} cannot start the agent's container",
            f"{reason}: {message}",
            f"see `kubectl describe pod {pod['metadata']['name']}"
            f" -n {pod['metadata']['namespace']}` of a run with --no-cleanup",
        )
    return diagnose_init(pod)
