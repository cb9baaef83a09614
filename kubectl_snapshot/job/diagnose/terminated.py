"""Why the agent's container terminated without a result: evicted, OOM-killed, bad image. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import DEFAULT_IMAGE
from kubectl_snapshot.errors import Internal, InvalidRequest, ServiceUnavailable, Timeout
from kubectl_snapshot.job.bootstrap import CHANGED, TOO_OLD
from kubectl_snapshot.job.options import IMAGE
from kubectl_snapshot.job.pod import container_state, node_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

# k8s.io/kubernetes pkg/kubelet: the container's process could not be started.
START_ERROR_EXIT_CODE = 128
# A kubelet that starts and finds no container of a pod that ran (pkg/kubelet/kubelet_pods.go).
LOST_CONTAINER = "ContainerStatusUnknown"
EXIT_OF_SIGNAL = 128
# A Python that was built without zlib cannot read the zip.
LACKS_ZLIB = ("zlib not available", "No module named 'zlib'", "import of zlib halted")
# execve(2), ENOEXEC, as runtimes and shells print it.
EXEC_FORMAT_ERROR = "exec format error"
READ_LOG = "run it again with --no-cleanup and read the pod's log"


def diagnose_terminated(
    pod: Mapping[str, Any], container: str, options: JobOptions, last_output: Sequence[str]
) -> SnapshotError:
    """Return why there is no result, from the pod's status and the last lines of its log."""
    status = pod.get("status", {})
    if status.get("reason") == "DeadlineExceeded":
        # Ours is later than the client's.
        limit_s = pod.get("spec", {}).get("activeDeadlineSeconds")
        return Timeout(
            f"the agent's pod ended at its activeDeadlineSeconds of {limit_s}",
            f"{status.get('message', '')}; admission changed it",
            "see `kubectl get mutatingwebhookconfigurations`, or pass another -n",
        )
    if status.get("reason"):
        # The kubelet's decision: Evicted, Preempting, Terminated (shutdown), OutOfcpu, …
        return ServiceUnavailable(
            f"node {node_name(pod)} terminated the agent's pod: {status['reason']}",
            str(status.get("message", "")),
            f"see `kubectl describe node {node_name(pod)}`, or pass --node with another one",
        )
    ended = container_state(pod, container).get("terminated", {})
    code, reason = ended.get("exitCode"), ended.get("reason", "")
    if reason == "OOMKilled":
        return Internal(
            "the agent ran out of memory",
            f"OOMKilled, exit code {code}",
            "run it with --cluster-scope client, so that the pod reads only its node",
        )
    if reason == LOST_CONTAINER:
        return ServiceUnavailable(
            f"node {node_name(pod)} lost the agent's container: it was probably rebooted",
            str(ended.get("message", "")),
            f"see `kubectl describe node {node_name(pod)}`, and run it again",
        )
    output = " / ".join([*filter(None, [ended.get("message", "")]), *last_output])
    is_start_error = code == START_ERROR_EXIT_CODE
    error = _diagnose_start(is_start_error, output or reason, options, node_name(pod))
    ended_by = f"exit code {code}{_name_signal(code)}"
    return error or Internal(
        "the agent exited without a result",
        f"{ended_by}, last output: {output}" if output else ended_by,
        READ_LOG,
    )


def _name_signal(code: object) -> str:
    """Return the signal in an exit code: 128 and its number, as runtimes report it."""
    import signal  # late: only the rarest end needs it

    with suppress(ValueError, TypeError):
        return f" ({signal.Signals(int(str(code)) - EXIT_OF_SIGNAL).name})"
    return ""


def _diagnose_start(
    is_start_error: bool, output: str, options: JobOptions, node: str
) -> SnapshotError | None:
    image = options.image
    if EXEC_FORMAT_ERROR in output:
        return InvalidRequest(
            f"image {image} does not support the architecture of node {node}",
            output,
            "pass --image with one that supports it",
        )
    if TOO_OLD in output:
        return InvalidRequest(
            f"the Python in image {image} is too old",
            output,
            "pass --image with one that has Python 3.9 or newer",
        )
    if any(mark in output for mark in LACKS_ZLIB):
        return InvalidRequest(
            f"the Python in image {image} lacks the module zlib",
            output,
            f"pass --image with a complete Python, such as {DEFAULT_IMAGE}",
        )
    if CHANGED in output:
        return Internal(
            "the program was modified on its way into the pod, and did not run",
            output,
            f"check who writes ConfigMaps in namespace {options.namespace}",
        )
    if is_start_error and options.agent == IMAGE:
        return InvalidRequest(
            f"image {image} does not contain kubectl-snapshot",
            output,
            "omit --agent image, or pass --image with one that contains it",
        )
    if is_start_error:
        return InvalidRequest(
            f"image {image} has no python3 to run the agent",
            output,
            "pass --image with one that has Python 3.9 or newer",
        )
    return None
