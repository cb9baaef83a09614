"""Why an agent that has ended left no whole result behind. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, InvalidRequest, ServiceUnavailable
from kubectl_snapshot.job.bootstrap import CHANGED, TOO_OLD
from kubectl_snapshot.job.options import IMAGE
from kubectl_snapshot.job.pod import container_state, node_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

# k8s.io/kubernetes pkg/kubelet: the container's process could not be started.
START_ERROR_EXIT_CODE = 128
# execve(2), ENOEXEC, in the words of the runtime or of a shell.
WRONG_FORMAT = "exec format error"
LOOK = "run it again with --no-cleanup and look at the pod's log"


def diagnose_terminated(
    pod: Mapping[str, Any], container: str, options: JobOptions, last_words: Sequence[str]
) -> SnapshotError:
    """Return why there is no result, from the pod's state and the log's last lines."""
    status = pod.get("status", {})
    if status.get("reason"):
        # The kubelet's own decision: Evicted, Preempting, Terminated (shutdown), OutOfcpu, …
        return ServiceUnavailable(
            f"node {node_name(pod)} ended the agent's pod: {status['reason']}",
            str(status.get("message", "")),
            f"see `kubectl describe node {node_name(pod)}`, or pass --node with another one",
        )
    ended = container_state(pod, container).get("terminated", {})
    code, reason = ended.get("exitCode"), ended.get("reason", "")
    if reason == "OOMKilled":
        return Internal(
            "the agent was killed for want of memory",
            f"OOMKilled, exit code {code}",
            "run it with --cluster-scope client, so that the pod reads the node only",
        )
    words = " / ".join([*filter(None, [ended.get("message", "")]), *last_words])
    error = _diagnose_start(code == START_ERROR_EXIT_CODE, words or reason, options, node_name(pod))
    return error or Internal(
        "the agent ended without a result",
        f"exit code {code}, its last words: {words}" if words else f"exit code {code}",
        LOOK,
    )


def _diagnose_start(
    is_start_error: bool, words: str, options: JobOptions, node: str
) -> SnapshotError | None:
    image = options.image
    if WRONG_FORMAT in words:
        return InvalidRequest(
            f"the image {image} is not made for the architecture of {node}",
            words,
            "pass --image with one for this architecture",
        )
    if TOO_OLD in words:
        return InvalidRequest(
            f"the Python of the image {image} is too old",
            words,
            "pass --image with one that has Python 3.9 or newer",
        )
    if CHANGED in words:
        return Internal(
            "the agent was changed on its way into the pod, and did not run",
            words,
            f"see who writes ConfigMaps in namespace {options.namespace}",
        )
    if is_start_error and options.agent == IMAGE:
        return InvalidRequest(
            f"the image {image} has no kubectl-snapshot",
            words,
            "leave out --agent image, or pass --image with one that has it",
        )
    if is_start_error:
        return InvalidRequest(
            f"the image {image} has no python3 to run the agent",
            words,
            "pass --image with one that has Python 3.9 or newer",
        )
    return None
