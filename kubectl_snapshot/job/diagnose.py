"""What a pod's state and the run's events say about why it does not go on. Pure.

From the watch itself, never from the Job's conditions: those come last and say only
BackoffLimitExceeded. Each answer is the error that the capture ends with, or None to go on waiting.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import (
    Internal,
    InvalidRequest,
    NotFound,
    ServiceUnavailable,
    SnapshotError,
    Timeout,
    Unauthorized,
)
from kubectl_snapshot.job.options import GPU_RESOURCE, RESTRICTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.job.options import JobOptions

IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
CREATE_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
# k8s.io/kubernetes pkg/kubelet: the container's process could not be started.
START_ERROR_EXIT_CODE = 128
# k8s.io/kubernetes plugin/pkg/admission/limitranger: "maximum cpu usage per Container is 500m, but
# limit is 1", "cpu max limit to request ratio per Pod is 2, but provided ratio is 20".
LIMIT_RANGE_WORDS = r" per (Container|Pod) is \S+, but "
POD_SECURITY_HINTS = {
    False: "use --privileged=false, or -n with a namespace that allows privileged pods",
    True: "use -n with a namespace that allows this pod",
}


def pod_condition(pod: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a condition of the pod's status, empty if there is none."""
    conditions = pod.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == name), {})


def container_state(pod: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    """Return the `state` of one container: `waiting`, `running` or `terminated`, empty before."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    states = (status.get("state", {}) for status in statuses if status["name"] == container)
    return next(states, {})


def is_unschedulable(pod: Mapping[str, Any]) -> bool:
    """Return whether the scheduler has said that no node fits now."""
    condition = pod_condition(pod, "PodScheduled")
    return condition.get("status") == "False" and condition.get("reason") == "Unschedulable"


def diagnose_unschedulable(pod: Mapping[str, Any], options: JobOptions) -> SnapshotError:
    """Return the scheduler's words as an error: no such node, or no room on it."""
    words = str(pod_condition(pod, "PodScheduled").get("message", ""))
    if options.require_gpu and f"Insufficient {GPU_RESOURCE}" in words:
        # They may be in use; the scheduler does not tell that from a node that has none.
        return NotFound(
            "no node has a GPU to give to the agent's pod",
            words,
            "see `kubectl describe nodes`, or leave --require-gpu out",
        )
    if "Insufficient" in words or "Too many pods" in words:
        return ServiceUnavailable(
            "no node has room for the agent's pod", words, "see `kubectl describe nodes`"
        )
    wanted = [f"{key}={value}" for key, value in options.node_selector.items()]
    if options.node_name:
        wanted.append(f"the name {options.node_name}")
    target = f"no node fits {', '.join(wanted)}" if wanted else "no node takes the agent's pod"
    return NotFound(target, words, "list the nodes with `kubectl get nodes --show-labels`")


def diagnose_waiting(pod: Mapping[str, Any], container: str, image: str) -> SnapshotError | None:
    """Return why the container cannot start, where that does not mend itself."""
    waiting = container_state(pod, container).get("waiting", {})
    reason, words = waiting.get("reason", ""), waiting.get("message", "")
    if reason in IMAGE_REASONS:
        return NotFound(
            f"the node cannot pull the image {image}",
            f"{reason}: {words}",
            "pass --image with one that the node can pull, or --image-pull-secret",
        )
    if reason in CREATE_REASONS:
        return Internal(
            "the node cannot start the agent's container",
            f"{reason}: {words}",
            f"see `kubectl describe pod {pod['metadata']['name']}"
            f" -n {pod['metadata']['namespace']}` of a run with --no-cleanup",
        )
    return None


def diagnose_terminated(
    pod: Mapping[str, Any], container: str, image: str, last_words: str
) -> SnapshotError:
    """Return why a container that has ended left no whole result behind."""
    ended = container_state(pod, container).get("terminated", {})
    code, reason = ended.get("exitCode"), ended.get("reason", "")
    if reason == "OOMKilled":
        return Internal(
            "the agent was killed for want of memory",
            f"OOMKilled, exit code {code}",
            "run it with --cluster-scope client, so that the pod reads the node only",
        )
    if code == START_ERROR_EXIT_CODE or reason == "StartError":
        return InvalidRequest(
            f"the image {image} has no python3 to run the agent",
            str(ended.get("message", "")) or reason,
            "pass --image with one that has Python 3.9 or newer",
        )
    status = pod.get("status", {})
    if not ended and status.get("reason"):
        return Internal(
            f"the agent's pod was ended: {status['reason']}",
            str(status.get("message", "")),
            f"see `kubectl describe node {pod.get('spec', {}).get('nodeName', '')}`",
        )
    return Internal(
        "the agent ended without a result",
        f"exit code {code}, its last words: {last_words}" if last_words else f"exit code {code}",
        "run it again with --no-cleanup --debug and look at the pod's log",
    )


def diagnose_event(event: Mapping[str, Any], options: JobOptions) -> SnapshotError | None:
    """Return what a warning event on the Job says about a pod that cannot be made."""
    if event.get("reason") != "FailedCreate":
        return None
    words = str(event.get("message", ""))
    return diagnose_refusal(words, options) or build_refusal(words, options)


def build_refusal(words: str, options: JobOptions) -> SnapshotError:
    """Return the refusal of the agent's pod for a reason that only its words tell."""
    return Unauthorized(
        f"the agent's pod was refused in namespace {options.namespace}",
        words,
        f"see `kubectl get events -n {options.namespace}`",
    )


def diagnose_refusal(words: str, options: JobOptions) -> SnapshotError | None:
    """Return what the API server's own admission says of the agent's pod; None for other words.

    Those are another's, such as a webhook's, or an authorizer's.
    """
    namespace = options.namespace
    if "serviceaccount" in words and "not found" in words:
        return NotFound(
            f"the service account {options.service_account_name or 'default'} does not exist "
            f"in namespace {namespace}",
            words,
            f"list them with `kubectl get serviceaccounts -n {namespace}`",
        )
    if "RuntimeClass" in words and "not found" in words:
        return NotFound(
            f"the runtime class {options.runtime_class} does not exist",
            words,
            "list them with `kubectl get runtimeclasses`",
        )
    if "violates PodSecurity" in words:
        return Unauthorized(
            f"namespace {namespace} does not allow the agent's pod",
            words,
            POD_SECURITY_HINTS[options.level == RESTRICTED],
        )
    if "exceeded quota" in words or "failed quota" in words:
        return Unauthorized(
            f"the quota of namespace {namespace} leaves no room for the agent's pod",
            words,
            f"see `kubectl describe resourcequota -n {namespace}`, or pass another -n",
        )
    if re.search(LIMIT_RANGE_WORDS, words):
        return Unauthorized(
            f"a LimitRange of namespace {namespace} does not allow the agent's pod",
            words,
            f"see `kubectl describe limitrange -n {namespace}`, or pass another -n",
        )
    if "is being terminated" in words:
        return Unauthorized(
            f"namespace {namespace} is being deleted", words, "pass another one with -n"
        )
    return None


def diagnose_timeout(
    pod: Mapping[str, Any], container: str, options: JobOptions, last_warning: str
) -> SnapshotError:
    """Return what the run was waiting for when its time was up."""
    hint = "pass a longer --timeout, or look with --no-cleanup"
    if not pod:
        waited = "no pod was made"
    elif is_unschedulable(pod):
        return diagnose_unschedulable(pod, options)
    else:
        state = container_state(pod, container)
        phase = pod.get("status", {}).get("phase", "Pending")
        node = pod.get("spec", {}).get("nodeName") or "no node yet"
        waiting = state.get("waiting", {}).get("reason", "")
        waited = f"its pod on {node} is {phase}" + (f" ({waiting})" if waiting else "")
    why = f"{waited}; last warning: {last_warning}" if last_warning else waited
    return Timeout(f"no result within {options.timeout_s:g} s", why, hint)
