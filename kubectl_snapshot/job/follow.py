"""Follow a run from the first pod event to the last line of its result; raise its diagnosis.

The threads of job/watchers.py observe. This is the caller's thread: it decides, and Ctrl-C can
interrupt it at any time.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.kube.watch import WatchEvent
from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job import watchers
from kubectl_snapshot.job.admission_changes import (
    build_change_error,
    build_change_warnings,
    find_lost_limits,
    find_pod_changes,
    find_wrong_node,
)
from kubectl_snapshot.job.diagnose import kubelet, pending, result
from kubectl_snapshot.job.diagnose.admission import diagnose_job_event
from kubectl_snapshot.job.diagnose.credentials import diagnose_expired_login
from kubectl_snapshot.job.diagnose.held import find_hold
from kubectl_snapshot.job.diagnose.init_containers import find_running_init
from kubectl_snapshot.job.diagnose.mounts import (
    diagnose_mount,
    diagnose_sandbox,
    find_missing_object,
)
from kubectl_snapshot.job.diagnose.scheduling import diagnose_unschedulable
from kubectl_snapshot.job.follow_log import (
    on_line,
    on_log_broken,
    on_log_end,
    on_outage,
    open_log,
)
from kubectl_snapshot.job.manifest import CONTAINER, build_sent_pod
from kubectl_snapshot.job.pod import has_ended, has_log, is_unschedulable
from kubectl_snapshot.job.run_end import (
    diagnose_deadline,
    diagnose_deleted,
    diagnose_end,
)
from kubectl_snapshot.job.watchers import StartProbe

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from kubectl_snapshot.job.diagnose.held import Hold
    from kubectl_snapshot.job.run_state import RunState

# The scheduler reports Unschedulable at its first attempt; a node that is starting gets this long.
UNSCHEDULABLE_GRACE_S = 5.0
# A run without a pod, or a pod without a node, is looked into after this long; a controller that
# does not act counts as dead after SLOW_START_S (pods of a loaded lab took 3 s to be created).
START_GRACE_S = 5.0
SLOW_START_S = 10.0
# Events tell what a pod does not, such as a refused pod or mount. A run that starts at once needs
# none of them; their list has those of before.
JOB_EVENTS_S, POD_EVENTS_S = 1.0, 2.0
# After this long without an event or a log line, the node is probed.
SILENCE_S = 5.0
# The agent of a deleted pod has two seconds (the kubelet's minimum grace period) to send a result.
DELETED_GRACE_S = 3.0
# k8s.io/kubernetes pkg/kubelet: its cache fills in time, so this is no cause.
CACHE_MARK = "failed to sync"
# The kubelet tries a sandbox again after 1 s, then every 10 to 15 s (pkg/kubelet/pod_workers.go).
SANDBOX_GRACE_S = 18.0
# Events after the sandbox was created.
SANDBOX_REASONS = ("Pulling", "Pulled", "Created", "Started")
# Events of a pull: its start, and its end or failure.
PULL_REASONS = ("Pulling", "Pulled", "Failed")
# A Job that could not be read has lost nothing.
LIMITED = {"activeDeadlineSeconds": 1, "ttlSecondsAfterFinished": 1}
TICK_S = 0.5


def follow(run: RunState, cancel: threading.Event | None = None) -> bytes:
    """Return the document's bytes once the frame is complete and its digest verified.

    Raises the diagnosis if the pod cannot be created, scheduled or started, or exits without a
    result; Timeout at the run's deadline; KeyboardInterrupt when `cancel` is set.
    """
    watchers.watch_pods(run)
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
    _watch_events_if_slow(run, now)
    if now > run.deadline:
        raise diagnose_deadline(run)
    if run.deleted_since:
        if now - run.deleted_since > DELETED_GRACE_S:
            raise diagnose_deleted(run)
    elif run.unschedulable_since:
        waited_s = now - run.unschedulable_since
        if waited_s > UNSCHEDULABLE_GRACE_S and not run.options.wait_for_schedule:
            raise diagnose_unschedulable(run.pod, run.options)
    elif run.node_name and not run.is_probing and now - run.last_activity > SILENCE_S:
        run.is_probing = True
        watchers.probe_node(run)
    elif run.started_since and not run.node_name:
        _check_start(run, now)
    elif run.sandbox_error and not run.has_sandbox and now - run.sandbox_since > SANDBOX_GRACE_S:
        raise run.sandbox_error


def _watch_events_if_slow(run: RunState, now: float) -> None:
    if not run.started_since or run.is_reading_log:
        return
    patience_s = POD_EVENTS_S if run.pod else JOB_EVENTS_S
    name = run.pod["metadata"]["name"] if run.pod else run.options.name
    if name not in run.watched and (run.deleted_since or now - run.started_since > patience_s):
        run.watched.add(name)
        watchers.watch_events(run, name)


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
    if event.type == "DELETED" or "deletionTimestamp" in run.pod["metadata"]:
        run.deleted_since = run.deleted_since or run.last_activity
        if not run.is_reading_log:
            raise diagnose_deleted(run)
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
        run.has_sandbox = True
        open_log(run)
    elif has_ended(run.pod, CONTAINER):
        raise diagnose_end(run)


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
    if reason in SANDBOX_REASONS:
        run.has_sandbox = True
    if event.object.get("type") != "Warning" or CACHE_MARK in message:
        return
    # The kubelet's event may be earlier than the pod's.
    node = run.node_name or str((event.object.get("source") or {}).get("host", ""))
    error = diagnose_job_event(event.object, run.options) or diagnose_mount(
        event.object, run.options, node
    )
    if error is not None:
        raise error
    missing = find_missing_object(event.object, run.options)
    if missing is not None:
        watchers.probe_object(run, missing)
    _check_sandbox(run, diagnose_sandbox(event.object, node))
    run.last_warning = message


def _check_sandbox(run: RunState, hold: Hold | None) -> None:
    """Raise a certain cause of a sandbox that failed; report and keep one that may be temporary."""
    if hold is None or run.has_sandbox:
        return
    if hold.is_certain:
        raise hold.error
    if run.sandbox_error is None:
        run.sandbox_since = time.monotonic()
        _warn(run, [f"{hold.error.what} ({hold.error.why}); waiting for it"])
    run.sandbox_error = hold.error


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


def _on_failure(run: RunState, error: SnapshotError) -> None:
    if error.status == 401:
        raise diagnose_expired_login(error) from error
    raise error


HANDLERS: dict[str, Callable[[RunState, Any], None]] = {
    "pod": _on_pod,
    "event": _on_event,
    "line": on_line,
    "log-end": on_log_end,
    "complete": _on_complete,
    "alive": _on_alive,
    "node-lost": _on_node_lost,
    "log-broken": on_log_broken,
    "outage": on_outage,
    "failure": _on_failure,
    "started": _on_started,
    "start-probed": _on_start_probed,
}
