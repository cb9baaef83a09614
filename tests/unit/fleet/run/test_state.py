from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.errors import (
    Internal,
    InvalidRequest,
    NotFound,
    RateLimitExceeded,
    ServiceUnavailable,
    SnapshotError,
    Timeout,
    Unauthorized,
)
from kubectl_snapshot.fleet.run import state
from kubectl_snapshot.fleet.run.state import LogEnd, NodeRun, Step
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops", timeout_s=60)
NEW = NodeRun("n1")
RUNNING = {"running": {}}
ENDED = {"terminated": {"exitCode": 0}}
PULL = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
BROKEN_START = {"waiting": {"reason": "CreateContainerError", "message": "no"}}
QUOTA = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=50'
DIAL = 'Get "https://10.0.0.2:10250/containerLogs/ops/p/c": dial tcp: connection refused'


def pod(container: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    statuses = [{"name": "kubectl-snapshot", "state": container}] if container else []
    status = {"containerStatuses": statuses, **changes.pop("status", {})}
    metadata = {"name": "p", "namespace": "ops", "uid": "u1", **changes.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": status, **changes}


def see(run: NodeRun, seen: dict[str, Any], now: float = 2, is_deleted: bool = False) -> Step:
    return state.on_pod(run, seen, is_deleted, OPTIONS, now)


def cause(step: Step) -> str:
    assert step.failure is not None
    return step.failure.cause


CREATING = state.begin(NEW, 1).run
STARTING = state.on_created(CREATING, "u1", 1.5).run
READING = see(STARTING, pod(RUNNING)).run


def test_a_node_is_created_watched_and_read_once() -> None:
    begun = state.begin(NEW, 1)
    assert (begun.action, begun.run.phase, begun.run.began) == (state.CREATE, state.CREATING, 1)
    created = state.on_created(begun.run, "u1", 1.5)
    assert (created.action, created.run.phase, created.run.uid) == ("", state.STARTING, "u1")
    assert see(created.run, pod()).action == state.NOTHING
    reading = see(created.run, pod(RUNNING))
    assert (reading.action, reading.run.phase, reading.pause_s) == (state.READ, state.READING, 0)
    # Its end is no second read: the stream goes on.
    assert see(reading.run, pod(ENDED)).action == state.NOTHING
    assert state.finish(reading.run) == NodeRun("n1", state.DONE, 1, uid="u1")


def test_the_watch_may_be_faster_than_the_answer_to_the_create() -> None:
    reading = see(CREATING, pod(RUNNING)).run
    assert reading.phase == state.READING
    assert state.on_created(reading, "u1", 3).run == reading
    assert see(CREATING, pod()).run.phase == state.STARTING


def test_a_pod_that_ended_before_it_was_seen_running_is_read() -> None:
    assert see(STARTING, pod(ENDED)).action == state.READ


@pytest.mark.parametrize(
    ("seen", "expected", "error"),
    [
        (pod(PULL), state.IMAGE, NotFound),
        (pod(BROKEN_START), state.START, Internal),
        (pod(spec={"nodeName": "n2"}), state.WRONG_NODE, Internal),
        (pod(status={"phase": "Failed", "reason": "Evicted"}), state.EVICTED, ServiceUnavailable),
        (pod(status={"phase": "Failed", "reason": "OutOfcpu"}), state.EXITED, ServiceUnavailable),
        (pod(metadata={"deletionTimestamp": "x"}), state.DELETED, Internal),
    ],
)
def test_a_pod_that_cannot_give_a_result_fails_with_its_cause(
    seen: dict[str, Any], expected: str, error: type[SnapshotError]
) -> None:
    step = see(STARTING, seen)
    assert cause(step) == expected
    assert step.failure is not None
    assert isinstance(step.failure.error, error)


def test_an_evicted_pod_that_is_deleted_says_so() -> None:
    target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    assert cause(see(STARTING, pod(status={"conditions": [target]}), is_deleted=True)) == (
        state.EVICTED
    )


def test_a_deleted_pod_may_still_send_its_result() -> None:
    gone = see(READING, {"metadata": {"name": "p"}}, now=10, is_deleted=True)
    assert (gone.failure, gone.run.deleted_since, gone.run.pod) == (None, 10, READING.pod)
    again = see(gone.run, pod(metadata={"deletionTimestamp": "x"}), now=11)
    assert again.run.deleted_since == 10
    assert state.on_tick(again.run, OPTIONS, 13).failure is None
    assert cause(state.on_tick(again.run, OPTIONS, 13.1)) == state.DELETED
    assert cause(state.on_log_end(again.run, LogEnd(), OPTIONS, 11)) == state.DELETED


def refuse(error: SnapshotError, others: int = 3, run: NodeRun = CREATING) -> Step:
    return state.on_refused(run, error, OPTIONS, others)


def test_over_quota_a_node_waits_for_the_others() -> None:
    error = Unauthorized("cannot create", QUOTA, status=403)
    waiting = refuse(error)
    assert waiting == Step(NEW)


def test_over_quota_without_others_a_node_is_tried_three_times() -> None:
    # A pod that was just deleted may still count.
    error, run = Unauthorized("cannot create", QUOTA, status=403), CREATING
    for attempt in (1, 2):
        step = refuse(error, others=0, run=run)
        assert (step.failure, step.run.phase) == (None, "waiting")
        assert step.run.create_attempts == attempt
        run = state.begin(step.run, 50).run
    assert cause(refuse(error, others=0, run=run)) == state.QUOTA


@pytest.mark.parametrize(
    "error",
    [
        ServiceUnavailable("x", "refused"),
        Timeout("x", "slow"),
        RateLimitExceeded("x", "429", status=429),
    ],
)
def test_an_api_server_that_does_not_answer_is_tried_three_times(error: SnapshotError) -> None:
    run, began = CREATING, 0.0
    for attempt in (1, 2):
        step = refuse(error, run=run)
        assert (step.failure, step.run.phase, step.run.create_attempts) == (
            None,
            "waiting",
            attempt,
        )
        run = state.begin(step.run, 50).run
        began = run.began
    assert began == 1, "the node's time goes on"
    assert cause(refuse(error, run=run)) == state.API


@pytest.mark.parametrize(
    ("error", "expected", "what"),
    [
        (
            Unauthorized("x", 'admission webhook "w.example" denied the request: no', status=403),
            state.ADMISSION,
            "admission webhook w.example denied the agent's pod",
        ),
        (
            ServiceUnavailable("x", 'failed calling webhook "w.example": refused', status=500),
            state.ADMISSION,
            "admission webhook w.example does not respond, so the agent's pod cannot be created",
        ),
        (
            Unauthorized("x", "pods is forbidden: violates PodSecurity", status=403),
            state.ADMISSION,
            "Pod Security of namespace ops rejects the agent's pod",
        ),
        (Unauthorized("x", "expired", status=401), state.API, "x"),
        (NotFound("x", "no namespace", status=404), state.API, "x"),
        (
            InvalidRequest("x", "spec: invalid", status=422),
            state.ADMISSION,
            "the agent's pod was rejected in namespace ops",
        ),
    ],
)
def test_a_refused_pod_fails_with_the_cause_of_a_single_capture(
    error: SnapshotError, expected: str, what: str
) -> None:
    step = refuse(error)
    assert cause(step) == expected
    assert step.failure is not None
    assert step.failure.error.what == what


def end(run: NodeRun = READING, **fields: Any) -> Step:
    return state.on_log_end(run, LogEnd(**fields), OPTIONS, 5)


def test_a_log_that_is_cut_is_read_again_later_each_time() -> None:
    pauses, run = [], READING
    for _ in range(5):
        step = end(run)
        assert step.action == state.READ
        pauses.append(step.pause_s)
        run = step.run
    assert pauses == [0.3, 0.6, 1.2, 2.0, 2.0]


def test_a_log_without_a_result_after_the_end_is_the_exit() -> None:
    ended = see(READING, pod(ENDED)).run
    step = end(ended, had_terminated=True, last_output=("Traceback",))
    assert cause(step) == state.EXITED
    assert step.failure is not None
    assert "Traceback" in step.failure.error.why
    gone = ServiceUnavailable("x", "gone", status=404)
    assert cause(end(ended, had_terminated=True, error=gone)) == state.EXITED


def test_an_incomplete_result_says_what_is_missing() -> None:
    ended = see(READING, pod(ENDED)).run
    missing = Internal("the node's result is incomplete", "1 of 3 lines are missing: 2")
    step = end(ended, had_terminated=True, incomplete=missing)
    assert cause(step) == state.CORRUPT
    assert step.failure is not None
    assert step.failure.error.why == missing.why
    crashed = see(READING, pod({"terminated": {"exitCode": 1}})).run
    assert cause(end(crashed, had_terminated=True, incomplete=missing)) == state.EXITED


def test_a_kubelet_that_restarts_has_five_attempts() -> None:
    error = ServiceUnavailable("x", DIAL, status=500)
    run = READING
    for _ in range(state.MAX_LOG_ATTEMPTS - 1):
        step = end(run, error=error)
        assert step.action == state.READ
        run = step.run
    assert cause(end(run, error=error)) == state.LOST
    other = ServiceUnavailable("x", "etcd", status=500)
    assert cause(end(run, error=other)) == state.NO_LOG


@pytest.mark.parametrize("status", [0, 400, 404, 408, 409, 429])
def test_a_log_that_is_not_there_yet_is_read_until_the_deadline(status: int) -> None:
    run = replace(READING, log_attempts=50)
    assert end(run, error=ServiceUnavailable("x", "y", status=status)).action == state.READ


def test_a_kubelet_that_refuses_logs_fails_at_once() -> None:
    assert cause(end(error=Unauthorized("x", "no", status=403))) == state.NO_LOG


def test_a_node_has_its_time_from_the_creation_of_its_pod() -> None:
    assert state.on_tick(READING, OPTIONS, 61).failure is None
    assert cause(state.on_tick(READING, OPTIONS, 61.1)) == state.DEADLINE
    assert cause(state.expire(READING, OPTIONS)) == state.DEADLINE


def test_an_unschedulable_pod_has_a_grace_period() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    unbound = pod(spec={}, status={"conditions": [condition]})
    waiting = see(STARTING, unbound, now=10).run
    later = see(waiting, unbound, now=12).run
    assert later.unschedulable_since == 10
    assert state.on_tick(later, OPTIONS, 15).failure is None
    assert cause(state.on_tick(later, OPTIONS, 15.1)) == state.UNSCHEDULABLE
    assert see(later, pod(), now=13).run.unschedulable_since == 0


def test_a_silent_kubelet_is_probed_once_at_a_time() -> None:
    bound = see(STARTING, pod(), now=2).run
    assert state.on_tick(bound, OPTIONS, 12).action == state.NOTHING
    probing = state.on_tick(bound, OPTIONS, 12.1)
    assert (probing.action, probing.run.is_probing) == (state.PROBE, True)
    assert state.on_tick(probing.run, OPTIONS, 30).action == state.NOTHING
    alive = state.on_probed(probing.run, "")
    assert (alive.run.is_probing, alive.failure) == (False, None)
    assert cause(state.on_probed(probing.run, DIAL)) == state.LOST
    unbound = see(STARTING, pod(spec={}), now=2).run
    assert state.on_tick(unbound, OPTIONS, 30).action == state.NOTHING


def test_where_all_nodes_are_slow_a_kubelet_may_be_silent_for_longer() -> None:
    assert state.choose_silence_s(0, 0) == state.choose_silence_s(20, 4) == 10
    assert state.choose_silence_s(36, 4) == 18
    bound = see(STARTING, pod(), now=2).run
    assert state.on_tick(bound, OPTIONS, 20, 18).action == state.NOTHING
    assert state.on_tick(bound, OPTIONS, 20.1, 18).action == state.PROBE


@pytest.mark.parametrize("phase", [state.WAITING, state.DONE])
def test_late_messages_change_nothing(phase: str) -> None:
    run = replace(READING, phase=phase)
    assert see(run, pod(PULL)) == Step(run)
    assert end(run) == Step(run)
    assert state.on_probed(run, DIAL) == Step(run)
    assert state.on_tick(run, OPTIONS, 1000) == Step(run)


MESSAGES = st.lists(
    st.sampled_from(
        [
            lambda run, now: state.on_created(run, "u1", now),
            lambda run, now: refuse(Unauthorized("x", QUOTA, status=403), run=run),
            lambda run, now: refuse(ServiceUnavailable("x", "y"), run=run),
            lambda run, now: see(run, pod(), now),
            lambda run, now: see(run, pod(RUNNING), now),
            lambda run, now: see(run, pod(ENDED), now),
            lambda run, now: see(run, {"metadata": {"name": "p"}}, now, is_deleted=True),
            lambda run, now: state.on_log_end(run, LogEnd(), OPTIONS, now),
            lambda run, now: state.on_log_end(run, LogEnd(had_terminated=True), OPTIONS, now),
            lambda run, now: state.on_probed(run, ""),
            lambda run, now: state.on_tick(run, OPTIONS, now),
        ]
    ),
    max_size=30,
)


@given(MESSAGES)
def test_in_any_order_of_messages_a_node_has_one_reader_and_ends(messages: Any) -> None:
    run, now, readers = state.begin(NEW, 1).run, 1.0, 0
    for message in messages:
        now += 1
        was_reading = run.phase == state.READING
        step = message(run, now)
        # The only message that a reader sends, at its end.
        has_end = was_reading and "on_log_end" in message.__code__.co_names
        readers -= has_end
        if step.failure is not None:
            return
        readers += step.action == state.READ
        run = step.run
        assert readers == run.is_reading
        if run.phase == state.WAITING:
            run = state.begin(run, now).run
    last = state.on_tick(replace(run, deleted_since=0), OPTIONS, run.began + 61)
    assert cause(last) == state.DEADLINE


def test_an_answer_that_was_lost_does_not_undo_a_pod_that_was_seen() -> None:
    assert refuse(Timeout("x", "slow"), run=STARTING) == Step(STARTING)


NOT_CREATED = 'Error creating: pods "x" is forbidden: exceeded quota: q, used: pods=50'


def test_a_pod_that_its_job_cannot_create_fails_unless_a_quota_has_to_free_up() -> None:
    refused = state.on_no_pod(STARTING, 'admission webhook "w" denied the request', OPTIONS, 3, 9)
    assert cause(refused) == state.ADMISSION
    waiting = state.on_no_pod(STARTING, NOT_CREATED, OPTIONS, 3, 9)
    assert (waiting.failure, waiting.run.began, waiting.run.last_activity) == (None, 9, 9)
    # The Job controller tries again, and the pod appears.
    assert see(waiting.run, pod(RUNNING), now=10).action == state.READ


def test_a_quota_without_room_ends_with_the_nodes_time() -> None:
    waiting = state.on_no_pod(STARTING, NOT_CREATED, OPTIONS, 0, 9).run
    assert waiting.began == STARTING.began
    assert state.on_tick(waiting, OPTIONS, 61).failure is None
    late = state.on_tick(waiting, OPTIONS, 61.5)
    assert late.failure is not None
    assert (late.failure.cause, late.failure.error.code) == (state.QUOTA, "UNAUTHORIZED")
    # A pod that came later ran into the deadline itself.
    assert cause(state.on_tick(see(waiting, pod()).run, OPTIONS, 99)) == state.DEADLINE


def test_what_a_job_could_not_create_before_its_pod_is_of_no_interest_after_it() -> None:
    assert state.on_no_pod(READING, NOT_CREATED, OPTIONS, 3, 9).run == READING
    seen = see(STARTING, pod()).run
    assert state.on_no_pod(seen, "denied", OPTIONS, 3, 9) == Step(seen)
    done = state.finish(READING)
    assert state.on_no_pod(done, "denied", OPTIONS, 3, 9) == Step(done)
