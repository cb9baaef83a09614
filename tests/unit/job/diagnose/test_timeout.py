from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubectl_snapshot import errors
from kubectl_snapshot.job.diagnose.timeout import diagnose_timeout
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops")
CONTAINER = "kubectl-snapshot"


def pod(**status: Any) -> dict[str, Any]:
    return {"spec": {"nodeName": "node2"}, "status": {"phase": "Pending", **status}}


def test_a_timeout_says_what_the_run_was_waiting_for() -> None:
    state = {"waiting": {"reason": "ContainerCreating"}}
    creating = pod(containerStatuses=[{"name": CONTAINER, "state": state}])
    error = diagnose_timeout(creating, CONTAINER, OPTIONS, "volume is slow")
    assert isinstance(error, errors.Timeout)
    assert error.why == (
        "the pod on node2 is Pending (ContainerCreating); last warning: volume is slow"
    )
    assert diagnose_timeout({}, CONTAINER, OPTIONS, "").why == "no pod was created"


def test_an_unschedulable_pod_times_out_with_the_schedulers_message() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/2 nodes are available",
    }
    waiting = pod(conditions=[condition])
    assert isinstance(diagnose_timeout(waiting, CONTAINER, OPTIONS, ""), errors.NotFound)
    patient = replace(OPTIONS, wait_for_schedule=True)
    error = diagnose_timeout(waiting, CONTAINER, patient, "")
    assert isinstance(error, errors.Timeout)
    assert error.why == "no node accepts the pod: 0/2 nodes are available"


def test_a_timeout_names_the_image_that_is_being_pulled() -> None:
    pulling = 'Pulling image "x/y"'
    error = diagnose_timeout(pod(), CONTAINER, OPTIONS, "", pull=pulling)
    assert error.why == f"the pod on node2 is Pending: {pulling}"
