"""Run the pods of a fleet in a window: create, watch, read, write, delete.

The caller's thread decides, with state.py; worker threads send requests and write documents.
"""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.document.fleet.manifest import FAILED, SKIPPED, STATUSES, FleetNode
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.fleet.run import requests, state
from kubectl_snapshot.fleet.run.requests import PodRequests
from kubectl_snapshot.fleet.run.workers import Workers
from kubectl_snapshot.job.manifest import CONTAINER
from kubectl_snapshot.job.pod import has_ended
from kubectl_snapshot.records import dataclass, field, replace
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kubectl_snapshot.fleet.planning.selection import KnownNode
    from kubectl_snapshot.fleet.run.state import NodeRun, Step

TICK_S = 0.25
PROGRESS_S = 1.0
# After a refusal for quota, or while the API server does not answer, no pod is created.
HOLD_S = 1.0
# Threads beyond one a pod: creates and deletes go on while every pod's log is read.
SPARE_THREADS = 8
SLOWEST_SHOWN = 3

NOT_STARTED, UNWRITTEN = "not started", "cannot write"


@dataclass
class FleetWork:
    """What the engine is given. `accept` parses and writes a payload; returns the node's entry.

    It runs in worker threads, and raises InvalidResult for a payload that is no document and
    SnapshotError if it cannot be written, which ends the run. `cancel` lets running nodes finish.
    """

    pods: PodRequests
    nodes: Sequence[KnownNode]
    parallel: int
    max_failures: int
    deadline: float
    accept: Callable[[str, bytes], FleetNode]
    on_event: Callable[[Mapping[str, Any]], None]
    cancel: threading.Event


class InvalidResult(Exception):
    """A payload that is not a document of the agent; the cause is the SnapshotError."""


@dataclass
class FleetState:
    """Mutable state of a run; only the caller's thread changes it."""

    runs: dict[str, NodeRun]
    waiting: deque[str]
    window: int
    hold_until: float = 0.0
    reads: list[tuple[float, str]] = field(default_factory=list)
    active: dict[str, NodeRun] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)
    captured: int = 0
    captured_s: float = 0.0
    stop_reason: str = ""
    error: SnapshotError | None = None


def run_pods(work: FleetWork) -> Iterator[FleetNode]:
    """Yield the entry of each node as it ends; all nodes are yielded once.

    Raises the error that ended the run early, after the last entry: documents cannot be written,
    or pods cannot be watched.
    """
    known = {node.name: node for node in work.nodes}
    order = [node.name for node in work.nodes]
    fleet = FleetState({name: state.NodeRun(name) for name in order}, deque(order), work.parallel)
    workers = Workers(work.parallel + SPARE_THREADS, work.pods.crash)
    engine = _Engine(work, fleet, workers, known)
    threading.Thread(target=work.pods.watch, name="fleet watch", daemon=True).start()
    if work.pods.options.creates_jobs:
        threading.Thread(target=work.pods.watch_events, name="fleet events", daemon=True).start()
    try:
        yield from engine.run()
    finally:
        work.pods.stop.set()
        workers.stop()
    if fleet.error is not None:
        raise fleet.error


class _Engine:
    """One run of the engine: the loop, and what each message changes."""

    def __init__(
        self, work: FleetWork, fleet: FleetState, workers: Workers, known: dict[str, KnownNode]
    ) -> None:
        self._work, self._fleet, self._workers, self._known = work, fleet, workers, known
        self._began = time.monotonic()
        self._ended: deque[FleetNode] = deque()

    def run(self) -> Iterator[FleetNode]:
        next_tick = next_progress = 0.0
        while self._fleet.active or self._fleet.waiting:
            now = time.monotonic()
            self._check_stop(now)
            self._fill_window(now)
            self._start_reads(now)
            self._take()
            if now >= next_tick:
                next_tick = now + TICK_S
                self._tick(now)
            if now >= next_progress:
                next_progress = now + PROGRESS_S
                self._report(now)
            while self._ended:
                yield self._ended.popleft()
        while self._ended:
            yield self._ended.popleft()

    def _check_stop(self, now: float) -> None:
        """Once the run is to stop, give up the nodes that wait; at the deadline, all of them."""
        fleet, work = self._fleet, self._work
        if work.cancel.is_set():
            self._stop("interrupted")
        if now > work.deadline:
            self._stop("the run's --timeout passed")
            for run in list(fleet.active.values()):
                lasted = replace(work.pods.options, timeout_s=round(now - run.began))
                self._apply(state.expire(run, lasted))
        if not fleet.stop_reason:
            return
        while fleet.waiting:
            name = fleet.waiting.popleft()
            node = self._known[name]
            reason = fleet.stop_reason
            entry = FleetNode(
                name, SKIPPED, NOT_STARTED, reason, uid=node.uid, boot_id=node.boot_id
            )
            self._end(entry)

    def _stop(self, reason: str) -> None:
        self._fleet.stop_reason = self._fleet.stop_reason or reason

    def _fill_window(self, now: float) -> None:
        fleet = self._fleet
        while fleet.waiting and len(fleet.active) < fleet.window and now >= fleet.hold_until:
            name = fleet.waiting.popleft()
            self._apply(state.begin(fleet.runs[name], now))

    def _start_reads(self, now: float) -> None:
        while self._fleet.reads and self._fleet.reads[0][0] <= now:
            _, name = heapq.heappop(self._fleet.reads)
            run = self._fleet.active.get(name)
            if run is not None:
                self._workers.submit(self._read, name, has_ended(run.pod, CONTAINER))

    def _take(self) -> None:
        """Handle the messages that have arrived; wait a tick for the first."""
        inbox = self._work.pods.inbox
        try:
            message = inbox.get(timeout=TICK_S / 2)
            now = time.monotonic()
            # Bounded, so that the window is refilled in a burst of messages.
            for _ in range(self._work.parallel):
                self._receive(message, now)
                message = inbox.get_nowait()
            self._receive(message, now)
        except queue.Empty:
            return

    def _receive(self, message: tuple[str, str, Any], now: float) -> None:
        kind, name, value = message
        if kind == requests.BROKEN and not name:
            self._break(value)
            return
        run = self._fleet.active.get(name)
        if run is None:
            return
        options = self._work.pods.options
        if kind == requests.CREATED:
            self._apply(state.on_created(run, value, now))
        elif kind == requests.REFUSED:
            self._refuse(run, value, now)
        elif kind == requests.POD:
            is_deleted = value.type == "DELETED"
            self._apply(state.on_pod(run, value.object, is_deleted, options, now))
        elif kind == requests.NO_POD:
            self._wait_for_pod(run, value, now)
        elif kind == requests.LOG_END:
            self._apply(state.on_log_end(run, value, options, now))
        elif kind == requests.PROBED:
            self._apply(state.on_probed(run, value))
        elif kind == requests.INVALID:
            self._fail(run, state.Failure(state.CORRUPT, value))
        elif kind == requests.BROKEN:
            self._break(value, UNWRITTEN)
        else:
            self._capture(run, value, now)

    def _refuse(self, run: NodeRun, error: SnapshotError, now: float) -> None:
        others = len(self._fleet.active) - 1
        step = state.on_refused(run, error, self._work.pods.options, others)
        if step.run.phase == state.WAITING:
            self._fleet.window = max(1, others) if error.status == 403 else self._fleet.window
            self._fleet.hold_until = now + HOLD_S
        self._apply(step)

    def _wait_for_pod(self, run: NodeRun, message: str, now: float) -> None:
        others = sum(1 for other in self._fleet.active.values() if other.pod)
        step = state.on_no_pod(run, message, self._work.pods.options, others, now)
        if step.run.refusal:
            self._fleet.window = max(1, others)
        self._apply(step)

    def _break(self, error: SnapshotError, cause: str = state.API) -> None:
        """End the run: nothing can be watched, or written, any more."""
        self._fleet.error = self._fleet.error or error
        self._stop(single_line(f"{error.what}: {error.why}"))
        for run in list(self._fleet.active.values()):
            self._fail(run, state.Failure(cause, error))

    def _tick(self, now: float) -> None:
        silence_s = state.choose_silence_s(self._fleet.captured_s, self._fleet.captured)
        for run in list(self._fleet.active.values()):
            step = state.on_tick(run, self._work.pods.options, now, silence_s)
            if step.run is not run or step.failure:
                self._apply(step)

    def _apply(self, step: Step) -> None:
        """Store a node's next state, and start its action."""
        run, fleet = step.run, self._fleet
        if step.failure is not None:
            self._fail(run, step.failure)
            return
        fleet.runs[run.name] = run
        if run.phase == state.WAITING:
            fleet.active.pop(run.name, None)
            fleet.waiting.append(run.name)
            return
        fleet.active[run.name] = run
        if step.action == state.CREATE:
            self._workers.submit(self._work.pods.create, run.name)
        elif step.action == state.READ and step.pause_s:
            heapq.heappush(fleet.reads, (time.monotonic() + step.pause_s, run.name))
        elif step.action == state.READ:
            self._workers.submit(self._read, run.name, has_ended(run.pod, CONTAINER))
        elif step.action == state.PROBE:
            self._workers.submit(self._work.pods.probe, run.name)

    def _read(self, name: str, had_terminated: bool) -> None:
        """Read a node's log and write its document; in a worker thread."""
        pods = self._work.pods
        payload = pods.read(name, had_terminated)
        if payload is None or name not in self._fleet.active:
            # It has failed meanwhile: its entry has no file.
            return
        try:
            entry = self._work.accept(name, payload)
        except InvalidResult as invalid:
            pods.inbox.put((requests.INVALID, name, invalid.__cause__))
        except SnapshotError as error:
            pods.inbox.put((requests.BROKEN, name, error))
        else:
            pods.inbox.put((requests.CAPTURED, name, entry))

    def _capture(self, run: NodeRun, entry: FleetNode, now: float) -> None:
        node = self._known[run.name]
        seconds = round(now - run.began, 2)
        self._fleet.captured += 1
        self._fleet.captured_s += seconds
        self._close(run)
        self._end(replace(entry, seconds=seconds, uid=node.uid, boot_id=node.boot_id))

    def _fail(self, run: NodeRun, failure: state.Failure) -> None:
        node, error = self._known[run.name], failure.error
        reason = single_line(f"{error.what}: {error.why}" if error.why else error.what)
        seconds = round(time.monotonic() - run.began, 2) if run.began else 0.0
        self._close(run)
        self._end(
            FleetNode(
                run.name,
                FAILED,
                failure.cause,
                reason,
                seconds=seconds,
                run_id=self._work.pods.options.run_id,
                uid=node.uid,
                boot_id=node.boot_id,
            )
        )
        limit = self._work.max_failures
        if limit and self._fleet.results.get(FAILED, 0) >= limit:
            plural = "node" if limit == 1 else "nodes"
            self._stop(f"stopped after {limit} failed {plural}")

    def _close(self, run: NodeRun) -> None:
        self._fleet.active.pop(run.name, None)
        self._fleet.runs[run.name] = state.finish(run)
        self._workers.submit(self._work.pods.delete, run.name, run.uid)

    def _end(self, entry: FleetNode) -> None:
        results = self._fleet.results
        results[entry.status] = results.get(entry.status, 0) + 1
        self._ended.append(entry)

    def _report(self, now: float) -> None:
        fleet = self._fleet
        ended = sum(fleet.results.values())
        left = len(fleet.active) + len(fleet.waiting)
        seconds = now - self._began
        rate = ended / seconds if seconds else 0.0
        oldest = sorted(fleet.active.values(), key=lambda run: run.began)[:SLOWEST_SHOWN]
        self._work.on_event(
            {
                "event": "progress",
                "nodes": ended + left,
                **{status: fleet.results.get(status, 0) for status in STATUSES},
                "running": len(fleet.active),
                "waiting": len(fleet.waiting),
                "rate": round(rate, 1),
                "eta-s": round(left / rate) if rate else None,
                "slowest": [f"{run.name} {now - run.began:.0f} s {run.phase}" for run in oldest],
            }
        )
