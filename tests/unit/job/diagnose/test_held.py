from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.errors import exit_code
from kubectl_snapshot.job.diagnose.held import find_hold, is_suspended
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops")
NO_SCHEDULER = "no scheduler has looked at the agent's pod: it waits for"


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": spec, "status": {}}


def scheduled(status: str, reason: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": status, "reason": reason}
    return {**pod(schedulerName="default-scheduler"), "status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("seen", "job", "what", "is_certain"),
    [
        (
            {},
            {"spec": {"suspend": True}, "status": {"conditions": [{"type": "Suspended"}]}},
            "Job ops/kubectl-snapshot-abcdefghij is suspended",
            True,
        ),
        (
            {},
            {"spec": {"suspend": False}, "status": {}},
            "no pod was created: the Job controller has not acted on the Job",
            False,
        ),
        (
            pod(schedulingGates=[{"name": "a/b"}, {"name": "c"}], schedulerName="x"),
            {"spec": {"suspend": True}},
            "the agent's pod is held by scheduling gates: a/b, c",
            True,
        ),
        (pod(schedulerName="volcano"), None, f"{NO_SCHEDULER} volcano", True),
        (
            pod(schedulerName="default-scheduler"),
            None,
            f"{NO_SCHEDULER} default-scheduler",
            False,
        ),
        (pod(), None, f"{NO_SCHEDULER} default-scheduler", False),
    ],
)
def test_what_holds_a_run_is_named(
    seen: dict[str, Any], job: dict[str, Any] | None, what: str, is_certain: bool
) -> None:
    hold = find_hold(seen, job, OPTIONS)
    assert hold is not None
    assert (hold.error.what, hold.is_certain) == (what, is_certain)
    assert exit_code(hold.error) == 6
    assert "--wait-for-schedule" in hold.error.hint


@pytest.mark.parametrize(
    ("seen", "job"),
    [
        ({}, None),
        ({}, {"spec": {}, "status": {"startTime": "2026-01-02T03:04:05Z"}}),
        (scheduled("False", "Unschedulable"), None),
        (scheduled("True", ""), None),
    ],
)
def test_what_is_acted_on_is_not_held(seen: dict[str, Any], job: dict[str, Any] | None) -> None:
    assert find_hold(seen, job, OPTIONS) is None


def test_a_scheduler_that_is_down_was_not_chosen_by_admission() -> None:
    own, foreign = (find_hold(pod(schedulerName=n), None, OPTIONS) for n in ("", "volcano"))
    assert own is not None
    assert foreign is not None
    assert own.error.why == "the scheduler is down or overloaded"
    assert foreign.error.why.startswith("admission chose it")


def test_a_job_is_suspended_by_its_spec_alone() -> None:
    assert is_suspended({"spec": {"suspend": True}})
    assert not is_suspended({"spec": {"suspend": False}})
    assert not is_suspended({"metadata": {}})
