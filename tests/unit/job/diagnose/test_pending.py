from __future__ import annotations

from kubectl_snapshot.job.diagnose.pending import diagnose_pending
from kubectl_snapshot.job.options import JobOptions

CONTAINER = "kubectl-snapshot"


def test_a_container_that_is_being_created_is_no_diagnosis() -> None:
    state = {"waiting": {"reason": "ContainerCreating"}}
    pod = {"status": {"containerStatuses": [{"name": CONTAINER, "state": state}]}}
    assert diagnose_pending(pod, CONTAINER, JobOptions("abcdefghij", "ops")) is None
