from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.job import diagnose
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions(
    "abcdefghij", "ops", node_selector={"pool": "gpu"}, service_account_name="reader"
)
CONTAINER = "kubectl-snapshot"


def pod(state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    statuses = [{"name": "sidecar", "state": {"running": {}}}]
    if state is not None:
        statuses.append({"name": CONTAINER, "state": state})
    return {
        "metadata": {"name": "p", "namespace": "ops"},
        "spec": {"nodeName": "node2"},
        "status": {"containerStatuses": statuses, **status},
    }


def unschedulable(message: str) -> dict[str, Any]:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
    }
    return pod(conditions=[condition])


def failed_create(message: str) -> dict[str, Any]:
    return {"type": "Warning", "reason": "FailedCreate", "message": message}


def test_a_sidecar_is_not_taken_for_the_agent() -> None:
    assert diagnose.container_state(pod(), CONTAINER) == {}


def test_no_node_of_the_selector_is_not_found() -> None:
    waiting = unschedulable("0/2 nodes are available: 2 node(s) didn't match affinity/selector")
    assert diagnose.is_unschedulable(waiting)
    error = diagnose.diagnose_unschedulable(waiting, OPTIONS)
    assert isinstance(error, errors.NotFound)
    assert error.what == "no node fits pool=gpu"
    assert "didn't match" in error.why


def test_a_full_node_is_unavailable() -> None:
    error = diagnose.diagnose_unschedulable(unschedulable("2 Insufficient cpu."), OPTIONS)
    assert isinstance(error, errors.ServiceUnavailable)


def test_a_required_gpu_that_no_node_can_give_is_not_found() -> None:
    options = replace(OPTIONS, require_gpu=True)
    pod = unschedulable("1 Insufficient nvidia.com/gpu.")
    assert isinstance(diagnose.diagnose_unschedulable(pod, options), errors.NotFound)
    pod = unschedulable("1 Insufficient memory.")
    assert isinstance(diagnose.diagnose_unschedulable(pod, options), errors.ServiceUnavailable)


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cannot_be_pulled_is_named(reason: str) -> None:
    waiting = pod({"waiting": {"reason": reason, "message": "not found"}})
    error = diagnose.diagnose_waiting(waiting, CONTAINER, "example.org/none:1")
    assert isinstance(error, errors.NotFound)
    assert "example.org/none:1" in error.what


def test_a_container_that_is_being_made_is_no_diagnosis() -> None:
    creating = pod({"waiting": {"reason": "ContainerCreating"}})
    assert diagnose.diagnose_waiting(creating, CONTAINER, "image") is None


def test_an_image_without_python_says_what_is_needed() -> None:
    ended = pod({"terminated": {"exitCode": 128, "reason": "StartError", "message": "python3"}})
    error = diagnose.diagnose_terminated(ended, CONTAINER, "busybox", "")
    assert isinstance(error, errors.InvalidRequest)
    assert "busybox" in error.what
    assert "Python 3.9" in error.hint


def test_a_killed_agent_says_that_memory_was_short() -> None:
    ended = pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    assert "memory" in diagnose.diagnose_terminated(ended, CONTAINER, "i", "").what


def test_the_agents_last_words_are_the_reason() -> None:
    ended = pod({"terminated": {"exitCode": 1, "reason": "Error"}})
    error = diagnose.diagnose_terminated(ended, CONTAINER, "i", "needs Python 3.9")
    assert error.why == "exit code 1, its last words: needs Python 3.9"


def test_an_evicted_pod_says_so() -> None:
    evicted = pod(reason="Evicted", message="The node was low on memory", phase="Failed")
    error = diagnose.diagnose_terminated(evicted, CONTAINER, "i", "")
    assert error.what == "the agent's pod was ended: Evicted"


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        (
            'error looking up service account ops/reader: serviceaccount "reader" not found',
            errors.NotFound,
            "service account reader",
        ),
        (
            'pod rejected: RuntimeClass "nvidia" not found',
            errors.NotFound,
            "runtime class",
        ),
        ('violates PodSecurity "restricted:latest"', errors.Unauthorized, "does not allow"),
        ("forbidden: exceeded quota: tight", errors.Unauthorized, "quota"),
        ("forbidden: failed quota: tight: must specify cpu", errors.Unauthorized, "quota"),
        (
            "forbidden: maximum cpu usage per Container is 500m, but limit is 1",
            errors.Unauthorized,
            "a LimitRange of namespace ops",
        ),
        (
            "forbidden: cpu max limit to request ratio per Pod is 2, but provided ratio is 20",
            errors.Unauthorized,
            "a LimitRange of namespace ops",
        ),
        (
            "unable to create new content in namespace ops because it is being terminated",
            errors.Unauthorized,
            "is being deleted",
        ),
        ('admission webhook "w" denied the request', errors.Unauthorized, "refused"),
    ],
)
def test_a_pod_that_cannot_be_made_is_explained_by_the_event(
    message: str, kind: type[errors.SnapshotError], words: str
) -> None:
    error = diagnose.diagnose_event(failed_create(message), OPTIONS)
    assert isinstance(error, kind)
    assert words in error.what
    assert error.why == message


def test_other_warnings_are_no_diagnosis() -> None:
    mount = {"type": "Warning", "reason": "FailedMount", "message": "failed to sync cache"}
    assert diagnose.diagnose_event(mount, OPTIONS) is None


def test_a_timeout_tells_what_was_waited_for() -> None:
    creating = pod({"waiting": {"reason": "ContainerCreating"}}, phase="Pending")
    error = diagnose.diagnose_timeout(creating, CONTAINER, OPTIONS, "volume is slow")
    assert isinstance(error, errors.Timeout)
    assert error.why == (
        "its pod on node2 is Pending (ContainerCreating); last warning: volume is slow"
    )
    assert diagnose.diagnose_timeout({}, CONTAINER, OPTIONS, "").why == "no pod was made"
