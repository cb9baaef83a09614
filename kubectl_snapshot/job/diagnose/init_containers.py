"""Why init containers that admission added keep the agent from starting. Pure.

The run has none of its own. A native sidecar is an init container with `restartPolicy: Always`
(KEP-753): it holds the pod only until it has started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal
from kubectl_snapshot.job.diagnose.image import IMAGE_REASONS, diagnose_image
from kubectl_snapshot.job.pod import node_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.errors import SnapshotError

# k8s.io/kubernetes pkg/kubelet/kuberuntime, and its back-off after a crash.
STUCK_REASONS = (
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
)
HINT = "see `kubectl get mutatingwebhookconfigurations`, or pass another -n without its injection"


def diagnose_init(pod: Mapping[str, Any]) -> SnapshotError | None:
    """Return why an init container failed or cannot start; None while each may still succeed."""
    for name, state, image in _states(pod):
        waiting, ended = state.get("waiting", {}), state.get("terminated", {})
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        title = f"init container {name}, which admission added,"
        if reason in IMAGE_REASONS:
            error = diagnose_image(reason, message, image, node_name(pod))
            return type(error)(error.what, f"of {title} {error.why}", HINT)
        if reason in STUCK_REASONS:
            return Internal(f"{title} cannot start", f"{reason}: {message}", HINT)
        code = ended.get("exitCode", 0)
        if code and not _is_sidecar(pod, name):
            detail = ended.get("message") or ended.get("reason", "")
            return Internal(f"{title} failed", f"exit code {code}: {detail}", HINT)
    return None


def find_running_init(pod: Mapping[str, Any]) -> str:
    """Return the name of the init container that the pod waits for, empty without one."""
    running = (
        name for name, state, _ in _states(pod) if "running" in state and not _is_sidecar(pod, name)
    )
    return next(running, "")


def _states(pod: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for status in pod.get("status", {}).get("initContainerStatuses") or ():
        yield status["name"], status.get("state") or {}, str(status.get("image", ""))


def _is_sidecar(pod: Mapping[str, Any], name: str) -> bool:
    containers = pod.get("spec", {}).get("initContainers") or ()
    return any(c["name"] == name and c.get("restartPolicy") == "Always" for c in containers)
