from __future__ import annotations

from typing import Any

from kubectl_snapshot import errors
from kubectl_snapshot.job.diagnose.deleted import diagnose_deleted
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops")


def pod(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "ops"},
        "spec": {"nodeName": "node2"},
        "status": status,
    }


def test_a_deleted_pod_is_explained_by_a_deleted_job_or_namespace() -> None:
    def what(job: Any, has_namespace: bool) -> str:
        return diagnose_deleted(pod(), OPTIONS, job, has_namespace).what

    assert what({}, True) == "the agent's pod was deleted before its result arrived"
    assert "was deleted by another client" in what(None, True)
    assert what(None, False) == "namespace ops was deleted during the capture"


def test_an_evicted_pod_has_the_reason_of_its_eviction() -> None:
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    error = diagnose_deleted(pod(conditions=[condition]), OPTIONS, None, True)
    assert isinstance(error, errors.ServiceUnavailable)
    assert error.what == "the agent's pod was evicted from node node2"
    assert error.why == "EvictionByEvictionAPI: Eviction API: evicting"


def test_a_suspended_job_is_told_from_a_deleted_pod() -> None:
    error = diagnose_deleted(pod(), OPTIONS, {"spec": {"suspend": True}}, True)
    assert isinstance(error, errors.ServiceUnavailable)
    assert error.what == f"Job ops/{OPTIONS.name} was suspended during the capture"
    assert "--wait-for-schedule" in error.hint
    running = diagnose_deleted(pod(), OPTIONS, {"spec": {"suspend": False}}, True)
    assert running.what == "the agent's pod was deleted before its result arrived"
