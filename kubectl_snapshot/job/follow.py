"""From the pod's first sign of life to the last line of its result: what is seen is decided on.

The threads of job/watchers.py see; the caller's thread is here, and can be interrupted at any time.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.client import Call, Response
from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job import watchers
from kubectl_snapshot.job.diagnose import deleted, kubelet, pending, result, terminated
from kubectl_snapshot.job.diagnose.admission import diagnose_builtin_admission, diagnose_job_event
from kubectl_snapshot.job.diagnose.credentials import diagnose_expired_login
from kubectl_snapshot.job.diagnose.scheduling import diagnose_unschedulable
from kubectl_snapshot.job.diagnose.timeout import diagnose_timeout
from kubectl_snapshot.job.frame import parse_progress
from kubectl_snapshot.job.manifest import CONTAINER, jobs_path
from kubectl_snapshot.job.pod import container_state, has_log, is_unschedulable
from kubectl_snapshot.job.watchers import LogEnd

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from kubectl_snapshot.job.run_state import RunState

# The scheduler says Unschedulable at its first look; a node that is just coming up gets this long.
UNSCHEDULABLE_GRACE_S = 5.0
# After this long without a word of the pod or its log the node is asked whether it is there.
SILENCE_S = 5.0
# The agent of a pod that is deleted has two seconds (the kubelet's minimum) to send what it has.
DELETED_GRACE_S = 3.0
OWNER_S = 3.0
# The end of the log stream is not the end of the log (a stopped kubelet gives a clean EOF): it is
# opened again, less often each time.
LOG_PAUSE_S = 0.3
MAX_LOG_PAUSE_S = 2.0
# What a kubelet answers once it has taken an ended container away, as it does with evicted ones.
GONE = (400, 404)
# Refusals of a log that may mend: not started yet, not found any more, throttled.
MENDING = (400, 404, 408, 409, 429)
TICK_S = 0.5
MAX_TOLD = 1000
# What a node may tell through us: other events are ours, and some name commands to type.
PROGRESS_FIELDS = {"started": ("collector",), "finished": ("collector", "status", "elapsed-ms")}


def follow(run: RunState, cancel: threading.Event | None = None) -> bytes:
    """Return the document's bytes once all of the frame has come and its digest is right.

    Raises the diagnosis where the pod cannot be made, scheduled, started, or ends without a result;
    Timeout at the run's deadline; KeyboardInterrupt when `cancel` is set.
    """
    watchers.watch_pods(run)
    watchers.watch_events(run, run.options.name)
    while not run.is_complete:
        if cancel is not None and cancel.is_set():
            raise KeyboardInterrupt
        _check_time(run)
        try:
            kind, value = run.inbox.get(timeout=TICK_S)
        except queue.Empty:
            continue
        HANDLERS[kind](run, value)
    try:
        return run.reader.payload(MAX_DOCUMENT_BYTES)
    except SnapshotError as error:
        raise result.diagnose_damaged(error) from error


def _check_time(run: RunState) -> None:
    now = time.monotonic()
    if now > run.deadline:
        raise diagnose_timeout(run.pod, CONTAINER, run.options, run.last_warning)
    if run.deleted_since:
        if now - run.deleted_since > DELETED_GRACE_S:
            raise _diagnose_deleted(run)
    elif run.unschedulable_since:
        waited_s = now - run.unschedulable_since
        if waited_s > UNSCHEDULABLE_GRACE_S and not run.options.wait_for_schedule:
            raise diagnose_unschedulable(run.pod, run.options)
    elif run.node_name and not run.is_probing and now - run.heard_at > SILENCE_S:
        run.is_probing = True
        watchers.probe_node(run)


def _on_pod(run: RunState, event: Any) -> None:
    run.heard_at = time.monotonic()
    was_on, is_new = run.node_name, not run.pod
    # After a gap in the watch only a deleted pod's metadata is known.
    run.pod = event.object if "status" in event.object else run.pod
    if is_new:
        watchers.watch_events(run, run.pod["metadata"]["name"])
    if event.type == "DELETED" or "deletionTimestamp" in run.pod["metadata"]:
        run.deleted_since = run.deleted_since or run.heard_at
        if not run.is_reading_log:
            raise _diagnose_deleted(run)
        return
    if run.node_name and not was_on:
        run.on_scheduled(run.node_name)
    waits = is_unschedulable(run.pod)
    run.unschedulable_since = (run.unschedulable_since or run.heard_at) if waits else 0.0
    error = pending.diagnose_pending(run.pod, CONTAINER, run.options)
    if error is not None:
        raise error
    if run.log_attempts:
        return
    if has_log(run.pod, CONTAINER):
        _open_log(run)
    elif _has_ended(run):
        raise _diagnose_end(run)


def _on_event(run: RunState, event: Any) -> None:
    if event.object.get("type") != "Warning":
        return
    error = diagnose_job_event(event.object, run.options)
    if error is not None:
        raise error
    run.last_warning = str(event.object.get("message", ""))


def _on_line(run: RunState, line: str) -> None:
    """Tell a progress line once: the log may be read several times, and a node may flood it."""
    run.heard_at = time.monotonic()
    progress = parse_progress(line) or {}
    fields = PROGRESS_FIELDS.get(str(progress.get("event")), ())
    is_whole = bool(fields) and all(name in progress for name in fields)
    if is_whole and line not in run.told and len(run.told) < MAX_TOLD:
        run.told.add(line)
        run.on_event({name: progress[name] for name in ("event", *fields)})


def _on_log_end(run: RunState, end: LogEnd) -> None:
    """Read the log once more, from its beginning: lines of all readings are merged by number."""
    run.is_reading_log = False
    run.last_words = end.last_words or run.last_words
    if run.deleted_since:
        raise _diagnose_deleted(run)
    status = end.error.status if end.error is not None else 0
    if end.was_ended and (end.error is None or status in GONE):
        raise _diagnose_end(run)
    if end.error is not None and 400 <= status < 500:
        _check_refusal(run, end.error)
    _open_log(run)


def _check_refusal(run: RunState, error: SnapshotError) -> None:
    if error.status == 401:
        raise diagnose_expired_login(error)
    if error.status not in MENDING:
        raise kubelet.diagnose_log_refused(run.pod, error)


def _on_complete(run: RunState, _: None) -> None:
    run.is_complete = True


def _on_alive(run: RunState, _: None) -> None:
    run.is_probing = run.is_outage_told = False
    run.heard_at = time.monotonic()


def _on_node_lost(run: RunState, words: str) -> None:
    raise kubelet.diagnose_node_lost(run.pod, words)


def _on_outage(run: RunState, error: SnapshotError) -> None:
    """Go on waiting for an API server that is gone; it may be restarting."""
    run.is_probing = False
    run.heard_at = time.monotonic()
    if not run.is_outage_told:
        run.is_outage_told = True
        message = f"the API server does not answer ({error.why}); waiting for it"
        run.on_event({"event": "warning", "message": message})


def _on_failure(run: RunState, error: SnapshotError) -> None:
    if error.status == 401:
        raise diagnose_expired_login(error) from error
    raise diagnose_builtin_admission(error.why, run.options) or error


HANDLERS: dict[str, Callable[[RunState, Any], None]] = {
    "pod": _on_pod,
    "event": _on_event,
    "line": _on_line,
    "log-end": _on_log_end,
    "complete": _on_complete,
    "alive": _on_alive,
    "node-lost": _on_node_lost,
    "outage": _on_outage,
    "failure": _on_failure,
}


def _open_log(run: RunState) -> None:
    pause_s = min(LOG_PAUSE_S * 2 ** (run.log_attempts - 1), MAX_LOG_PAUSE_S)
    run.log_attempts += 1
    run.is_reading_log = True
    watchers.read_log(run, _has_ended(run), pause_s if run.log_attempts > 1 else 0.0)


def _has_ended(run: RunState) -> bool:
    phase = run.pod.get("status", {}).get("phase")
    return phase in ("Failed", "Succeeded") or "terminated" in container_state(run.pod, CONTAINER)


def _diagnose_end(run: RunState) -> SnapshotError:
    ended = container_state(run.pod, CONTAINER).get("terminated", {})
    if run.reader.has_begun and ended.get("exitCode") == 0:
        try:
            run.reader.payload(MAX_DOCUMENT_BYTES)
        except SnapshotError as error:
            return result.diagnose_incomplete(error)
    return terminated.diagnose_terminated(run.pod, CONTAINER, run.options, run.last_words)


def _diagnose_deleted(run: RunState) -> SnapshotError:
    """Ask who took the pod away; whoever may not read Job or namespace is told less."""
    namespace = run.options.namespace
    paths = (f"{jobs_path(namespace)}/{run.options.name}", f"/api/v1/namespaces/{namespace}")
    deadline = time.monotonic() + OWNER_S
    doing = "look why the agent's pod was deleted"
    answers = run.kube.request_all([Call("GET", p, doing, deadline=deadline) for p in paths])
    has_job, has_namespace = map(_is_there, answers)
    return deleted.diagnose_deleted(run.pod, run.options, has_job, has_namespace)


def _is_there(answer: Response | SnapshotError) -> bool:
    """Return False where the object is known to be gone, or going."""
    if isinstance(answer, SnapshotError):
        return answer.status != 404
    return "deletionTimestamp" not in answer.body["metadata"]
