from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubectl_snapshot import errors
from kubectl_snapshot.job.diagnose import pending
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


def test_a_container_that_is_being_made_is_no_diagnosis() -> None:
    creating = pod({"waiting": {"reason": "ContainerCreating"}})
    assert pending.diagnose_waiting(creating, CONTAINER, OPTIONS) is None


def test_a_timeout_tells_what_was_waited_for() -> None:
    creating = pod({"waiting": {"reason": "ContainerCreating"}}, phase="Pending")
    error = pending.diagnose_timeout(creating, CONTAINER, OPTIONS, "volume is slow")
    assert isinstance(error, errors.Timeout)
    assert error.why == (
        "its pod on node2 is Pending (ContainerCreating); last warning: volume is slow"
    )
    assert pending.diagnose_timeout({}, CONTAINER, OPTIONS, "").why == "no pod was made"


def test_a_wait_for_a_node_that_ends_is_a_timeout_in_the_schedulers_words() -> None:
    waiting = unschedulable("0/2 nodes are available")
    patient = replace(OPTIONS, wait_for_schedule=True)
    assert isinstance(pending.diagnose_timeout(waiting, CONTAINER, OPTIONS, ""), errors.NotFound)
    error = pending.diagnose_timeout(waiting, CONTAINER, patient, "")
    assert isinstance(error, errors.Timeout)
    assert error.why == "no node: 0/2 nodes are available"


def test_a_pod_that_is_gone_is_explained_by_what_else_is_gone() -> None:
    def what(has_job: bool, has_namespace: bool) -> str:
        return pending.diagnose_deleted(pod(), OPTIONS, has_job, has_namespace).what

    assert what(True, True) == "the agent's pod was deleted before its result came"
    assert "was deleted by somebody else" in what(False, True)
    assert what(False, False) == "namespace ops was deleted while the capture ran"


def test_an_evicted_pod_says_who_evicted_it() -> None:
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    error = pending.diagnose_deleted(pod(conditions=[condition]), OPTIONS, False, True)
    assert isinstance(error, errors.ServiceUnavailable)
    assert error.what == "the agent's pod was evicted from node node2"
    assert error.why == "EvictionByEvictionAPI: Eviction API: evicting"
