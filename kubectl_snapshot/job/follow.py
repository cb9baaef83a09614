"""Follow a run from the first pod event to the last line of its result; raise its diagnosis.

The threads of job/watchers.py observe. This is the caller's thread: it decides, and Ctrl-C can
interrupt it at any time.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.client import Call, Response
from kubectl_snapshot.clients.kube.watch import WatchEvent
from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES
from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError
from kubectl_snapshot.job import watchers
from kubectl_snapshot.job.admission_changes import (
    build_change_error,
    build_change_warnings,
    find_lost_limits,
    find_pod_changes,
    find_wrong_node,
)
from kubectl_snapshot.job.diagnose import deleted, kubelet, pending, result, terminated
from kubectl_snapshot.job.diagnose.admission import diagnose_job_event
from kubectl_snapshot.job.diagnose.credentials import diagnose_expired_login
from kubectl_snapshot.job.diagnose.held import find_hold
from kubectl_snapshot.job.diagnose.init_containers import find_running_init
from kubectl_snapshot.job.diagnose.mounts import diagnose_mount, diagnose_sandbox
from kubectl_snapshot.job.diagnose.scheduling import diagnose_unschedulable
from kubectl_snapshot.job.diagnose.timeout import diagnose_timeout
from kubectl_snapshot.job.frame.decode import parse_progress
from kubectl_snapshot.job.manifest import CONTAINER, MERGE_PATCH, build_sent_pod, jobs_path
from kubectl_snapshot.job.pod import container_state, has_log, is_unschedulable
from kubectl_snapshot.job.watchers import LogEnd, StartProbe

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping

    from kubectl_snapshot.job.run_state import RunState

# The scheduler reports Unschedulable at its first attempt; a node that is starting gets this long.
UNSCHEDULABLE_GRACE_S = 5.0
# A run without a pod, or a pod without a node, is looked into after this long; a controller that
# does not act counts as dead after SLOW_START_S (pods of a loaded lab took 3 s to be created).
START_GRACE_S = 5.0
SLOW_START_S = 10.0
# After this long without an event or a log line, the node is probed.
SILENCE_S = 5.0
# The agent of a deleted pod has two seconds (the kubelet's minimum grace period) to send a result.
DELETED_GRACE_S = 3.0
OWNER_READ_S = 3.0
# A clean EOF is not the end of the log (a stopped kubelet sends one): it is reopened with backoff.
LOG_BACKOFF_S = 0.3
MAX_LOG_BACKOFF_S = 2.0
# HTTP statuses of a kubelet that has removed the terminated container, as after an eviction.
GONE = (400, 404)
# Retryable HTTP statuses of a log request: not started yet, no longer found, throttled.
RETRYABLE = (400, 404, 408, 409, 429)
# A stream that ends this soon, this often and without a new line is cut on purpose, as by a proxy.
SHORT_STREAM_S = 1.0
MAX_CUTS = 8
# A kubelet without a trusted certificate does not get one within a run.
CERTAIN_ATTEMPTS = 3
# k8s.io/kubernetes pkg/kubelet: its cache fills in time, so this is no cause.
CACHE_MARK = "failed to sync"
# Events of a pull: its start, and its end or failure.
PULL_REASONS = ("Pulling", "Pulled", "Failed")
# A Job that could not be read has lost nothing.
LIMITED = {"activeDeadlineSeconds": 1, "ttlSecondsAfterFinished": 1}
TICK_S = 0.5
MAX_REPORTED = 1000
# The only events that a node may cause; others carry commands for the user to type.
PROGRESS_FIELDS = {"started": ("collector",), "finished": ("collector", "status", "elapsed-ms")}


def follow(run: RunState, cancel: threading.Event | None = None) -> bytes:
    """Return the document's bytes once the frame is complete and its digest verified.

    Raises the diagnosis if the pod cannot be created, scheduled or started, or exits without a
    result; Timeout at the run's deadline; KeyboardInterrupt when `cancel` is set.
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
        raise result.diagnose_corrupt(error) from error


def _check_time(run: RunState) -> None:
    now = time.monotonic()
    if now > run.deadline:
        raise _diagnose_deadline(run)
    if run.deleted_since:
        if now - run.deleted_since > DELETED_GRACE_S:
            raise _diagnose_deleted(run)
    elif run.unschedulable_since:
        waited_s = now - run.unschedulable_since
        if waited_s > UNSCHEDULABLE_GRACE_S and not run.options.wait_for_schedule:
            raise diagnose_unschedulable(run.pod, run.options)
    elif run.node_name and not run.is_probing and now - run.last_activity > SILENCE_S:
        run.is_probing = True
        watchers.probe_node(run)
    elif run.started_since and not run.node_name:
        _check_start(run, now)


def _diagnose_deadline(run: RunState) -> SnapshotError:
    """Return what the run was waiting for when its time was over."""
    if run.outage is not None:
        return ServiceUnavailable(
            "the API server did not respond until the run's deadline",
            run.outage.why,
            "see `kubectl get --raw /readyz`, and run it again",
        )
    if run.is_probing and not watchers.is_api_server_up(run):
        return ServiceUnavailable(
            "the API server did not respond until the run's deadline",
            "it does not answer a request for its version",
            "see `kubectl get --raw /readyz`, and run it again",
        )
    hold = find_hold(run.pod, run.job, run.options) if not run.node_name else None
    held = hold.error.what if hold is not None and run.has_probed_start else ""
    return diagnose_timeout(run.pod, CONTAINER, run.options, run.last_warning, held, run.pull)


def _check_start(run: RunState, now: float) -> None:
    """Probe a run without a node, and raise what holds it; a slow controller gets more time."""
    waited_s = now - run.started_since
    if waited_s > START_GRACE_S and not run.is_probing and now - run.last_activity > SILENCE_S:
        run.is_probing = True
        watchers.probe_start(run)
    if not run.has_probed_start:
        return
    hold = find_hold(run.pod, run.job, run.options)
    if hold is None:
        return
    is_certain = hold.is_certain or waited_s > SLOW_START_S
    if is_certain and not run.options.wait_for_schedule:
        raise hold.error
    if not run.is_hold_reported:
        run.is_hold_reported = True
        message = f"{hold.error.what} ({hold.error.why}); waiting for it"
        run.on_event({"event": "warning", "message": message})


def _on_started(run: RunState, job: Any) -> None:
    run.job, run.started_since = job, run.started_since or time.monotonic()
    _warn(run, build_change_warnings([*find_lost_limits((job or {}).get("spec") or LIMITED)]))


def _on_start_probed(run: RunState, probe: StartProbe) -> None:
    run.is_probing, run.has_probed_start = False, True
    run.job, run.last_activity = probe.job, time.monotonic()
    if probe.pods:
        _on_pod(run, WatchEvent("MODIFIED", probe.pods[0]))


def _on_pod(run: RunState, event: Any) -> None:
    run.last_activity = time.monotonic()
    was_on, is_new = run.node_name, not run.pod
    # After a gap in the watch, only the metadata of a deleted pod is known.
    run.pod = event.object if "status" in event.object else run.pod
    if is_new:
        watchers.watch_events(run, run.pod["metadata"]["name"])
    if event.type == "DELETED" or "deletionTimestamp" in run.pod["metadata"]:
        run.deleted_since = run.deleted_since or run.last_activity
        if not run.is_reading_log:
            raise _diagnose_deleted(run)
        return
    if run.node_name and not was_on:
        run.on_scheduled(run.node_name)
    if is_new:
        run.started_since, run.has_probed_start = run.last_activity, False
        _check_admission(run)
    wrong_node = find_wrong_node(run.options.node_name, run.options.node_selector, run.pod)
    if wrong_node is not None:
        raise wrong_node
    waits = is_unschedulable(run.pod)
    run.unschedulable_since = (run.unschedulable_since or run.last_activity) if waits else 0.0
    error = pending.diagnose_pending(run.pod, CONTAINER, run.options)
    if error is not None:
        raise error
    if run.log_attempts:
        return
    if has_log(run.pod, CONTAINER):
        _open_log(run)
    elif _has_ended(run):
        raise _diagnose_end(run)


def _check_admission(run: RunState) -> None:
    """Report what admission changed of the pod; raise what makes its result untrustworthy."""
    changes = find_pod_changes(build_sent_pod(run.options), run.pod)
    error = build_change_error(changes)
    if error is not None:
        raise error
    _warn(run, build_change_warnings(changes))


def _warn(run: RunState, messages: Iterable[str]) -> None:
    for message in messages:
        run.on_event({"event": "warning", "message": message})


def _on_event(run: RunState, event: Any) -> None:
    message, reason = str(event.object.get("message", "")), event.object.get("reason")
    if reason in PULL_REASONS:
        run.pull = message if reason == PULL_REASONS[0] else ""
    if event.object.get("type") != "Warning" or CACHE_MARK in message:
        return
    error = (
        diagnose_job_event(event.object, run.options)
        or diagnose_mount(event.object, run.options, run.node_name)
        or diagnose_sandbox(event.object, run.node_name)
    )
    if error is not None:
        raise error
    run.last_warning = message


def _on_line(run: RunState, line: str) -> None:
    """Report a progress line once: the log may be reread, and a node may flood it."""
    run.last_activity = time.monotonic()
    progress = parse_progress(line) or {}
    fields = PROGRESS_FIELDS.get(str(progress.get("event")), ())
    is_whole = bool(fields) and all(name in progress for name in fields)
    if is_whole and line not in run.reported and len(run.reported) < MAX_REPORTED:
        run.reported.add(line)
        run.on_event({name: progress[name] for name in ("event", *fields)})


def _on_log_end(run: RunState, end: LogEnd) -> None:
    """Reopen the log from its start; lines of all streams are merged by number."""
    run.is_reading_log = False
    run.last_output = end.last_output or run.last_output
    if run.deleted_since:
        raise _diagnose_deleted(run)
    status = end.error.status if end.error is not None else 0
    run.has_log_failed = status >= 500
    if end.had_terminated and (end.error is None or status in GONE):
        raise _diagnose_end(run)
    if end.error is not None and 400 <= status < 500:
        _raise_unless_retryable(run, end.error)
    why = end.error.why if end.error is not None else ""
    is_untrusted = any(mark in why for mark in kubelet.CERTIFICATE_MARKS)
    if is_untrusted and run.log_attempts >= CERTAIN_ATTEMPTS:
        raise kubelet.diagnose_node_lost(run.pod, why)
    _check_cuts(run, end)
    _open_log(run)


def _check_cuts(run: RunState, end: LogEnd) -> None:
    """Raise if each of the last streams was cut at once and brought no new line."""
    is_cut = end.error is None or not end.error.status
    has_progress = run.reader.count_lines() > run.lines_before
    is_short = time.monotonic() - run.log_opened < SHORT_STREAM_S
    run.cuts = run.cuts + 1 if is_cut and is_short and not has_progress else 0
    run.lines_before = run.reader.count_lines()
    if run.cuts >= MAX_CUTS:
        raise kubelet.diagnose_log_cut(run.pod, end.error)


def _raise_unless_retryable(run: RunState, error: SnapshotError) -> None:
    if error.status == 401:
        raise diagnose_expired_login(error)
    if error.status not in RETRYABLE:
        raise kubelet.diagnose_log_refused(run.pod, error)


def _on_complete(run: RunState, _: None) -> None:
    run.is_complete = True


def _on_alive(run: RunState, _: None) -> None:
    run.is_probing, run.outage = False, None
    run.last_activity = time.monotonic()
    init = find_running_init(run.pod)
    if init and not run.is_hold_reported:
        run.is_hold_reported = True
        message = f"init container {init}, which admission added, is running; waiting for it"
        run.on_event({"event": "warning", "message": message})
    if not run.is_reading_log:
        # The watch may be buffered by a proxy.
        watchers.probe_start(run)


def _on_node_lost(run: RunState, message: str) -> None:
    raise kubelet.diagnose_node_lost(run.pod, message)


def _on_log_broken(run: RunState, error: SnapshotError) -> None:
    """Raise that logs cannot be read, unless a stream is open that may still bring lines."""
    if run.has_log_failed:
        raise kubelet.diagnose_log_broken(run.pod, error)
    _on_outage(run, error)


def _on_outage(run: RunState, error: SnapshotError) -> None:
    """Keep waiting for an API server that does not respond; it may be restarting."""
    run.is_probing = False
    run.last_activity = time.monotonic()
    is_reported, run.outage = run.outage is not None, error
    if not is_reported:
        message = f"the API server does not respond ({error.why}); waiting for it"
        run.on_event({"event": "warning", "message": message})


def _on_failure(run: RunState, error: SnapshotError) -> None:
    if error.status == 401:
        raise diagnose_expired_login(error) from error
    raise error


HANDLERS: dict[str, Callable[[RunState, Any], None]] = {
    "pod": _on_pod,
    "event": _on_event,
    "line": _on_line,
    "log-end": _on_log_end,
    "complete": _on_complete,
    "alive": _on_alive,
    "node-lost": _on_node_lost,
    "log-broken": _on_log_broken,
    "outage": _on_outage,
    "failure": _on_failure,
    "started": _on_started,
    "start-probed": _on_start_probed,
}


def _open_log(run: RunState) -> None:
    pause_s = min(LOG_BACKOFF_S * 2 ** (run.log_attempts - 1), MAX_LOG_BACKOFF_S)
    run.log_attempts += 1
    run.log_opened = time.monotonic() + (pause_s if run.log_attempts > 1 else 0.0)
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
    return terminated.diagnose_terminated(run.pod, CONTAINER, run.options, run.last_output)


def _diagnose_deleted(run: RunState) -> SnapshotError:
    """Return why the pod is gone; less precise without permission to read the namespace.

    An empty patch returns the Job without the permission to get it.
    """
    namespace = run.options.namespace
    path = f"{jobs_path(namespace)}/{run.options.name}"
    deadline = time.monotonic() + OWNER_READ_S
    doing = "find out why the agent's pod was deleted"
    answers = run.kube.request_all(
        [
            Call("PATCH", path, doing, {}, {}, MERGE_PATCH, deadline),
            Call("GET", f"/api/v1/namespaces/{namespace}", doing, deadline=deadline),
        ]
    )
    job, found = map(_read_existing, answers)
    return deleted.diagnose_deleted(run.pod, run.options, job, found is not None)


def _read_existing(answer: Response | SnapshotError) -> Mapping[str, Any] | None:
    """Return an object, empty if it is not known, None if it is deleted or terminating."""
    if isinstance(answer, SnapshotError):
        return None if answer.status == 404 else {}
    body: Mapping[str, Any] = answer.body
    return None if "deletionTimestamp" in answer.read_map("metadata") else body
