"""The state of one node's pod, and what to do next. Pure: events in, a new state and an action out.

The engine (engine.py) performs the actions and reports what happened. Causes and messages are those
of a capture of one node (job/diagnose).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import (
    Internal,
    RateLimitExceeded,
    ServiceUnavailable,
    SnapshotError,
    Timeout,
)
from kubectl_snapshot.job import watchers
from kubectl_snapshot.job.diagnose import kubelet, pending, result, terminated
from kubectl_snapshot.job.diagnose.admission import (
    QUOTA_MESSAGES,
    diagnose_builtin_admission,
    diagnose_rejection,
)
from kubectl_snapshot.job.diagnose.deleted import diagnose_deleted
from kubectl_snapshot.job.diagnose.scheduling import diagnose_unschedulable
from kubectl_snapshot.job.diagnose.timeout import diagnose_timeout
from kubectl_snapshot.job.manifest import CONTAINER
from kubectl_snapshot.job.pod import (
    container_state,
    has_ended,
    has_log,
    is_unschedulable,
    node_name,
    pod_condition,
)
from kubectl_snapshot.records import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.job.options import JobOptions

# Phases of a node, in this order; a refused pod goes back to WAITING.
WAITING, CREATING, STARTING, READING, DONE = "waiting", "creating", "starting", "reading", "done"
ACTIVE = (CREATING, STARTING, READING)

# Actions for the engine.
NOTHING, CREATE, READ, PROBE = "", "create", "read", "probe"

# Causes of failed nodes, by which the coverage table groups.
ADMISSION, QUOTA, IMAGE, START = "refused by admission", "quota", "image pull", "container start"
UNSCHEDULABLE, DEADLINE, LOST, EVICTED = "unschedulable", "deadline", "node lost", "evicted"
DELETED, EXITED, CORRUPT, API = "pod deleted", "agent exited", "invalid result", "API server"
WRONG_NODE, NO_LOG = "ran on another node", "log not served"

# As in job/follow.py: the scheduler reports Unschedulable at its first attempt.
UNSCHEDULABLE_GRACE_S = 5.0
# After this long without an event or a line, the node's kubelet is probed, or later: see
# choose_silence_s.
SILENCE_S = 10.0
DELETED_GRACE_S = 3.0
MAX_CREATE_ATTEMPTS = 3
MAX_LOG_ATTEMPTS = 5
LOG_BACKOFF_S = 0.3
MAX_LOG_BACKOFF_S = 2.0
# A kubelet that has removed the container, as after an eviction.
GONE = (400, 404)
RETRYABLE_STATUSES = (*GONE, 408, 409, 429)
RETRYABLE = (ServiceUnavailable, Timeout, RateLimitExceeded)


@dataclass(frozen=True)
class Failure:
    """Why a node has no document: a short cause, and the error as for one node."""

    cause: str
    error: SnapshotError


@dataclass(frozen=True)
class NodeRun:
    """The state of one node. Times are time.monotonic() values, 0 until the event happens.

    `refusal` is why the Job controller could not create the pod yet.
    """

    name: str
    phase: str = WAITING
    began: float = 0.0
    pod: Mapping[str, Any] = field(default_factory=dict)
    uid: str = ""
    last_activity: float = 0.0
    unschedulable_since: float = 0.0
    deleted_since: float = 0.0
    create_attempts: int = 0
    log_attempts: int = 0
    is_reading: bool = False
    is_probing: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class Step:
    """The next state of a node, an action, and the failure that ends it, if one does.

    `pause_s` is the time to wait before the action.
    """

    run: NodeRun
    action: str = NOTHING
    failure: Failure | None = None
    pause_s: float = 0.0


@dataclass(frozen=True)
class LogEnd:
    """How one read of a log ended without a whole result; `error` is None after a clean EOF.

    `incomplete` says what is missing of a result that has begun.
    """

    error: SnapshotError | None = None
    had_terminated: bool = False
    incomplete: SnapshotError | None = None
    last_output: tuple[str, ...] = ()


def begin(run: NodeRun, now: float) -> Step:
    """Return the state in which the node's pod is created."""
    began = run.began or now
    attempts = run.create_attempts + 1
    created = replace(run, phase=CREATING, began=began, create_attempts=attempts, last_activity=now)
    return Step(created, CREATE)


def on_created(run: NodeRun, uid: str, now: float) -> Step:
    """Return the state after the API server accepted the pod; the watch may have been faster."""
    if run.phase != CREATING:
        return Step(replace(run, uid=run.uid or uid))
    return Step(replace(run, phase=STARTING, uid=run.uid or uid, last_activity=now))


def on_refused(run: NodeRun, error: SnapshotError, options: JobOptions, others: int) -> Step:
    """Return the state after the API server refused the pod.

    Over quota the node waits while pods of `others` are active: their end makes room. Without any
    it is tried MAX_CREATE_ATTEMPTS times, for a pod that was just deleted still counts; so is an
    API server that does not answer.
    """
    if run.phase != CREATING:
        # The watch has seen the pod: only the answer to its creation was lost.
        return Step(run)
    is_quota = error.status == 403 and _is_over_quota(error.why)
    if is_quota and others:
        # Waiting for room is no attempt.
        return Step(NodeRun(run.name))
    is_outage = isinstance(error, RETRYABLE) and "webhook" not in error.why
    if (is_outage or is_quota) and run.create_attempts < MAX_CREATE_ATTEMPTS:
        return Step(replace(run, phase=WAITING))
    if is_outage or error.status in (401, 404):
        return _fail(run, API, error)
    return _fail_refused(run, error.why, options)


def on_no_pod(run: NodeRun, message: str, options: JobOptions, others: int, now: float) -> Step:
    """Return the state after the Job controller could not create the pod of the node's Job.

    It tries again: over quota the node waits, without time passing while other nodes have pods.
    """
    if run.phase not in ACTIVE or run.pod:
        return Step(run)
    if not _is_over_quota(message):
        return _fail_refused(run, message, options)
    began = now if others else run.began
    return Step(replace(run, began=began, last_activity=now, refusal=message))


def on_pod(
    run: NodeRun, pod: Mapping[str, Any], is_deleted: bool, options: JobOptions, now: float
) -> Step:
    """Return the state after a change of the node's pod."""
    if run.phase not in ACTIVE:
        return Step(run)
    # After a gap in the watch, only the metadata of a deleted pod is known.
    known = pod if "status" in pod else run.pod
    run = replace(run, pod=known, uid=str(known["metadata"]["uid"]) if known else run.uid)
    run = replace(run, last_activity=now, phase=STARTING if run.phase == CREATING else run.phase)
    if is_deleted or "deletionTimestamp" in pod.get("metadata", {}):
        run = replace(run, deleted_since=run.deleted_since or now)
        return Step(run) if run.is_reading else _fail_deleted(run, options)
    if node_name(run.pod) not in ("", run.name):
        why = f"the pod was bound to {node_name(run.pod)}; a webhook may have changed its affinity"
        return _fail(run, WRONG_NODE, Internal(f"the pod of {run.name} {WRONG_NODE}", why))
    since = (run.unschedulable_since or now) if is_unschedulable(run.pod) else 0.0
    run = replace(run, unschedulable_since=since)
    error = pending.diagnose_pending(run.pod, CONTAINER, options)
    if error is not None:
        is_image = "pull" in error.what or "image" in error.what
        return _fail(run, IMAGE if is_image else START, error)
    if run.log_attempts:
        return Step(run)
    if has_log(run.pod, CONTAINER):
        return _read(run)
    return _fail_ended(run, options, ()) if has_ended(run.pod, CONTAINER) else Step(run)


def on_log_end(run: NodeRun, end: LogEnd, options: JobOptions, now: float) -> Step:
    """Return the state after a log ended without a whole result: read again, or the failure."""
    if run.phase != READING:
        return Step(run)
    run = replace(run, is_reading=False, last_activity=now)
    if run.deleted_since:
        return _fail_deleted(run, options)
    status = end.error.status if end.error is not None else 0
    if end.had_terminated and (end.error is None or status in GONE):
        exit_code = container_state(run.pod, CONTAINER).get("terminated", {}).get("exitCode")
        if end.incomplete is not None and exit_code == 0:
            return _fail(run, CORRUPT, result.diagnose_incomplete(end.incomplete))
        return _fail_ended(run, options, end.last_output)
    if end.error is None or status == 0 or status in RETRYABLE_STATUSES:
        return _read(run)
    if 400 <= status < 500:
        return _fail(run, NO_LOG, kubelet.diagnose_log_refused(run.pod, end.error))
    if run.log_attempts < MAX_LOG_ATTEMPTS:
        return _read(run)
    if watchers.KUBELET_MARK in end.error.why:
        return _fail(run, LOST, kubelet.diagnose_node_lost(run.pod, end.error.why))
    return _fail(run, NO_LOG, end.error)


def on_probed(run: NodeRun, lost: str) -> Step:
    """Return the state after a probe of the kubelet; `lost` is its error, empty if it answered."""
    if run.phase not in ACTIVE:
        return Step(run)
    if lost:
        return _fail(run, LOST, kubelet.diagnose_node_lost(run.pod, lost))
    return Step(replace(run, is_probing=False))


def choose_silence_s(seconds: float, count: int) -> float:
    """Return the silence after which a kubelet is probed; `count` nodes took so many `seconds`.

    Where all take long, the cluster is busy and no kubelet is lost: probes would add to its load.
    """
    return max(SILENCE_S, 2 * seconds / count) if count else SILENCE_S


def on_tick(run: NodeRun, options: JobOptions, now: float, silence_s: float = SILENCE_S) -> Step:
    """Return the state as time passes: the node's deadline, a grace period, a silent kubelet."""
    if run.phase not in ACTIVE:
        return Step(run)
    if now - run.began > options.timeout_s:
        return expire(run, options)
    if run.deleted_since and now - run.deleted_since > DELETED_GRACE_S:
        return _fail_deleted(run, options)
    waited_s = now - run.unschedulable_since if run.unschedulable_since else 0.0
    if waited_s > UNSCHEDULABLE_GRACE_S and not options.wait_for_schedule:
        return _fail(run, UNSCHEDULABLE, diagnose_unschedulable(run.pod, options))
    is_silent = now - run.last_activity > silence_s and node_name(run.pod)
    if is_silent and not run.is_probing:
        return Step(replace(run, is_probing=True, last_activity=now), PROBE)
    return Step(run)


def expire(run: NodeRun, options: JobOptions) -> Step:
    """Return the failure of a node that runs when the whole run's time is over."""
    if run.refusal and not run.pod:
        return _fail_refused(run, run.refusal, options)
    return _fail(run, DEADLINE, diagnose_timeout(run.pod, CONTAINER, options, ""))


def finish(run: NodeRun) -> NodeRun:
    """Return the final state, without the pod, which takes most of the memory."""
    return NodeRun(run.name, DONE, run.began, uid=run.uid)


def _read(run: NodeRun) -> Step:
    attempts = run.log_attempts
    pause_s = min(LOG_BACKOFF_S * 2 ** (attempts - 1), MAX_LOG_BACKOFF_S) if attempts else 0.0
    reading = replace(run, phase=READING, is_reading=True, log_attempts=attempts + 1)
    return Step(reading, READ, pause_s=pause_s)


def _fail(run: NodeRun, cause: str, error: SnapshotError) -> Step:
    return Step(replace(run, is_reading=False), failure=Failure(cause, error))


def _is_over_quota(message: str) -> bool:
    return any(mark in message for mark in QUOTA_MESSAGES)


def _fail_refused(run: NodeRun, message: str, options: JobOptions) -> Step:
    cause = QUOTA if _is_over_quota(message) else ADMISSION
    error = diagnose_builtin_admission(message, options) or diagnose_rejection(message, options)
    return _fail(run, cause, error)


def _fail_ended(run: NodeRun, options: JobOptions, last_output: tuple[str, ...]) -> Step:
    error = terminated.diagnose_terminated(run.pod, CONTAINER, options, last_output)
    is_evicted = run.pod.get("status", {}).get("reason") == "Evicted"
    return _fail(run, EVICTED if is_evicted else EXITED, error)


def _fail_deleted(run: NodeRun, options: JobOptions) -> Step:
    is_evicted = pod_condition(run.pod, "DisruptionTarget").get("status") == "True"
    error = diagnose_deleted(run.pod, options, job={}, has_namespace=True)
    return _fail(run, EVICTED if is_evicted else DELETED, error)
