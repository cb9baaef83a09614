from __future__ import annotations

from kubectl_snapshot.job.pod import container_state, has_log, pod_condition

SIDECAR = {"name": "sidecar", "state": {"running": {}}}
ENDED = {"name": "kubectl-snapshot", "state": {"terminated": {"exitCode": 0}}}


def test_a_sidecar_is_not_mistaken_for_the_agent() -> None:
    pod = {"status": {"containerStatuses": [SIDECAR]}}
    assert container_state(pod, "kubectl-snapshot") == {}
    assert not has_log(pod, "kubectl-snapshot")


def test_a_container_that_ran_has_a_log() -> None:
    assert has_log({"status": {"containerStatuses": [SIDECAR, ENDED]}}, "kubectl-snapshot")


def test_a_missing_status_field_is_empty() -> None:
    assert container_state({}, "kubectl-snapshot") == {}
    assert pod_condition({"status": {}}, "PodScheduled") == {}
