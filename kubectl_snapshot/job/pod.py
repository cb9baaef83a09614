"""Fields of a pod's status, and of its Job: conditions, container state, node. Pure.

diagnose/ interprets them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def pod_condition(pod: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return one condition of the pod's status, empty if it has none."""
    conditions = pod.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == name), {})


def container_state(pod: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    """Return the `state` of one container: `waiting`, `running` or `terminated`, or empty."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    states = (status.get("state", {}) for status in statuses if status["name"] == container)
    return next(states, {})


def has_log(pod: Mapping[str, Any], container: str) -> bool:
    """Return whether the container is running or terminated, and so has a log."""
    state = container_state(pod, container)
    return "running" in state or "terminated" in state


def has_ended(pod: Mapping[str, Any], container: str) -> bool:
    """Return whether the container has terminated, or the pod ended without its status."""
    phase = pod.get("status", {}).get("phase")
    return phase in ("Failed", "Succeeded") or "terminated" in container_state(pod, container)


def is_unschedulable(pod: Mapping[str, Any]) -> bool:
    """Return whether the scheduler found no node for the pod."""
    condition = pod_condition(pod, "PodScheduled")
    return condition.get("status") == "False" and condition.get("reason") == "Unschedulable"


def node_name(pod: Mapping[str, Any]) -> str:
    """Return the node that the pod is bound to, empty while it has none."""
    return str(pod.get("spec", {}).get("nodeName", ""))


def pod_title(pod: Mapping[str, Any]) -> str:
    """Return `NAMESPACE/NAME`."""
    metadata = pod.get("metadata", {})
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"


def is_suspended(job: Mapping[str, Any]) -> bool:
    """Return whether a Job is suspended: no pod is created, and its deadline does not run."""
    return bool((job.get("spec") or {}).get("suspend"))
