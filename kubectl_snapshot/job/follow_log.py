"""Follow the log of a run: open it, report its progress, decide at its end whether to reopen it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kubectl_snapshot.job import watchers
from kubectl_snapshot.job.diagnose import kubelet
from kubectl_snapshot.job.diagnose.credentials import diagnose_expired_login
from kubectl_snapshot.job.frame.decode import parse_progress
from kubectl_snapshot.job.manifest import CONTAINER
from kubectl_snapshot.job.pod import has_ended
from kubectl_snapshot.job.run_end import diagnose_deleted, diagnose_end

if TYPE_CHECKING:
    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.run_state import RunState
    from kubectl_snapshot.job.watchers import LogEnd

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
MAX_REPORTED = 1000
# The only events that a node may cause; others carry commands for the user to type.
PROGRESS_FIELDS = {"started": ("collector",), "finished": ("collector", "status", "elapsed-ms")}


def open_log(run: RunState) -> None:
    """Start to read the log: at once, later with a backoff."""
    longer_s = LOG_BACKOFF_S * 2 ** (run.log_attempts - 1)
    pause_s = min(longer_s, MAX_LOG_BACKOFF_S) if run.log_attempts else 0.0
    run.log_attempts += 1
    run.log_opened = time.monotonic() + pause_s
    run.is_reading_log = True
    watchers.read_log(run, has_ended(run.pod, CONTAINER), pause_s)


def on_line(run: RunState, line: str) -> None:
    """Report a progress line once: the log may be reread, and a node may flood it."""
    run.last_activity = time.monotonic()
    progress = parse_progress(line) or {}
    fields = PROGRESS_FIELDS.get(str(progress.get("event")), ())
    is_whole = bool(fields) and all(name in progress for name in fields)
    if is_whole and line not in run.reported and len(run.reported) < MAX_REPORTED:
        run.reported.add(line)
        run.on_event({name: progress[name] for name in ("event", *fields)})


def on_log_end(run: RunState, end: LogEnd) -> None:
    """Reopen the log from its start; lines of all streams are merged by number."""
    run.is_reading_log = False
    run.last_output = end.last_output or run.last_output
    if run.deleted_since:
        raise diagnose_deleted(run)
    status = end.error.status if end.error is not None else 0
    run.has_log_failed = status >= 500
    if end.had_terminated and (end.error is None or status in GONE):
        raise diagnose_end(run)
    if end.error is not None and 400 <= status < 500:
        _raise_unless_retryable(run, end.error)
    why = end.error.why if end.error is not None else ""
    is_untrusted = any(mark in why for mark in kubelet.CERTIFICATE_MARKS)
    if is_untrusted and run.log_attempts >= CERTAIN_ATTEMPTS:
        raise kubelet.diagnose_node_lost(run.pod, why)
    _check_cuts(run, end)
    open_log(run)


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


def on_log_broken(run: RunState, error: SnapshotError) -> None:
    """Raise that logs cannot be read, unless a stream is open that may still bring lines."""
    if run.has_log_failed:
        raise kubelet.diagnose_log_broken(run.pod, error)
    on_outage(run, error)


def on_outage(run: RunState, error: SnapshotError) -> None:
    """Keep waiting for an API server that does not respond; it may be restarting."""
    run.is_probing = False
    run.last_activity = time.monotonic()
    is_reported, run.outage = run.outage is not None, error
    if not is_reported:
        message = f"the API server does not respond ({error.why}); waiting for it"
        run.on_event({"event": "warning", "message": message})
