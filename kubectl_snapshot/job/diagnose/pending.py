"""What a Pending pod is waiting for, and whether that wait can end. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal
from kubectl_snapshot.job.diagnose.image import IMAGE_REASONS, diagnose_image
from kubectl_snapshot.job.pod import container_state, node_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

CREATE_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


def diagnose_pending(
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
