"""Run collectors in parallel threads, each with a deadline."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import (
    build_failed_subtype,
    expected_subtypes,
    explain,
    list_left_out,
)
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.patterns import matches_pattern
from kubectl_snapshot.document.snapshot import (
    ERROR,
    GAP_STATUSES,
    OK,
    PARTIAL,
    Measurement,
    Subtype,
    in_order,
)
from kubectl_snapshot.errors import Internal, SnapshotError, Timeout
from kubectl_snapshot.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Union

    from kubectl_snapshot.collectors.run.context import Collector, Context
    from kubectl_snapshot.document.registry import SubtypeSpec

    # Returns a subtype of a type without its credentials; the last argument is a time.monotonic()
    # value after which readings are left out.
    Redact = Callable[[str, Subtype, float], Subtype]
    _Result = Union[Subtype, "_End"]

# How often `stop` is polled; a pod that is deleted has a grace period of two seconds.
STOP_POLL_S = 0.1
# A thread that has sent its last result needs a moment to end.
THREAD_S, THREAD_POLL_S = 1.0, 0.01
# Threads that read small files at the same time only pass the interpreter's lock to each other: a
# sixth of the CPU time of a whole collection (ADR 0091).
HEAD_START_S, HEAD_START_SHARE = 0.1, 0.01


# The share of a collector's time for its reads. A collector that waits for a driver uses all of it,
# and what it has read must still be searched for credentials.
READING_SHARE = 0.9
# The share after which no further reading is searched: what is late is lost altogether.
REDACTION_SHARE = 0.95


def keep(_type: str, subtype: Subtype, _deadline: float) -> Subtype:
    """Return a subtype as it is."""
    return subtype


@dataclass(frozen=True)
class _End:
    """The end of a collector; the error applies to the subtypes that it did not yield."""

    error: Exception


@dataclass(frozen=True)
class _Run:
    collector: Collector
    started: float
    deadline: float
    expected: tuple[str, ...]
    left_out: tuple[SubtypeSpec, ...]
    profile: str
    finished: list[Subtype]


def run_collectors(
    collectors: Sequence[Collector],
    context: Context,
    deadline: float,
    on_event: Callable[[Mapping[str, object]], None],
    stop: threading.Event | None = None,
    redact: Redact = keep,
) -> tuple[Measurement, ...]:
    """Return one measurement per collector, in the document's order, by `deadline` at the latest.

    `deadline` is a time.monotonic() value; a collector's DEADLINE_S may shorten it. Subtypes read
    by then are kept, the others get a status and a reason. Each starts when another one ends, 0.1 s
    after the one before it at the latest. `redact` runs in the collector's thread, so its time
    counts. The threads are daemons: a read that hangs in a driver delays neither the result nor the
    exit. Setting `stop` ends the wait. `on_event` is called in the caller's thread.
    """
    results: SimpleQueue[tuple[int, _Result]] = SimpleQueue()
    waiting = deque(enumerate(collectors))
    pending: dict[int, _Run] = {}
    measurements: dict[int, Measurement] = {}

    def start_next() -> float:
        """Start a collector; return when the one after it starts, unless another ends before."""
        index, collector = waiting[0]
        run = _plan(collector, context, deadline)
        patience_s = 0 if pending or (stop and stop.is_set()) else THREAD_S
        error = _start(index, run, context, results, redact, patience_s)
        if error and pending:
            return math.inf  # a pod may have few processes
        waiting.popleft()
        pending[index] = run
        on_event({"collector": collector.TYPE, "event": "started"})
        if error:
            results.put((index, _End(error)))
        return run.started + min(HEAD_START_S, HEAD_START_SHARE * (deadline - run.started))

    turn = 0.0
    while waiting or pending:
        if waiting and (not pending or time.monotonic() >= turn):
            turn = start_next()
        received = _receive(results, pending, stop, turn if waiting else math.inf)
        if received is None:
            continue  # the turn of the next collector
        index, result = received
        if index not in pending:
            continue  # late: the measurement is complete
        if isinstance(result, Subtype):
            pending[index].finished.append(result)
        else:
            measurements[index] = _close(pending.pop(index), result, on_event, redact)
            turn = 0.0
    return in_order(tuple(measurements[index] for index in sorted(measurements)))


def _plan(collector: Collector, context: Context, deadline: float) -> _Run:
    now = time.monotonic()
    return _Run(
        collector=collector,
        started=now,
        deadline=min(now + collector.DEADLINE_S, deadline),
        expected=expected_subtypes(collector, context),
        left_out=list_left_out(collector, context.settings),
        profile=context.settings.profile,
        finished=[],
    )


def _start(
    index: int,
    run: _Run,
    context: Context,
    results: SimpleQueue[tuple[int, _Result]],
    redact: Redact,
    within_s: float,
) -> RuntimeError | None:
    """Start a collector's thread; return the error if there is none to be had `within_s`."""
    time_s = run.deadline - run.started
    own_context = replace(context, deadline=run.started + READING_SHARE * time_s)
    last = run.started + REDACTION_SHARE * time_s
    arguments = (index, run, own_context, results, partial(_redact, redact, last))
    while True:
        try:
            threading.Thread(target=_collect, args=arguments, daemon=True).start()
            return None
        except RuntimeError as error:
            if time.monotonic() - run.started >= within_s:
                return error
            time.sleep(THREAD_POLL_S)


def _redact(redact: Redact, deadline: float, type_: str, subtype: Subtype) -> Subtype:
    return redact(type_, subtype, deadline)


def _collect(
    index: int,
    run: _Run,
    context: Context,
    results: SimpleQueue[tuple[int, _Result]],
    redact: Callable[[str, Subtype], Subtype],
) -> None:
    """Run one collector; this is its thread, which shares only the queue."""
    error: Exception = Internal("the collector did not read it")
    try:
        before = time.monotonic()
        for subtype in run.collector.collect(context):
            if _find_left_out(subtype.name, run):
                continue
            subtype = redact(run.collector.TYPE, subtype)
            now = time.monotonic()
            results.put((index, _add_elapsed(subtype, now - before)))
            before = now
    except Exception as caught:  # noqa: BLE001  a defect of one collector must not affect the others
        error = caught
    results.put((index, _End(error)))


def _receive(
    results: SimpleQueue[tuple[int, _Result]],
    pending: Mapping[int, _Run],
    stop: threading.Event | None,
    until: float,
) -> tuple[int, _Result] | None:
    index, run = min(pending.items(), key=lambda item: item[1].deadline)
    while True:
        now = time.monotonic()
        left_s = max(min(run.deadline, until) - now, 0)
        try:
            return results.get(timeout=min(left_s, STOP_POLL_S) if stop else left_s)
        except Empty:
            if stop and stop.is_set():
                return index, _End(Timeout("not read before the agent was stopped"))
            if time.monotonic() >= run.deadline:
                allowed_s = max(run.deadline - run.started, 0)
                return index, _End(Timeout(f"not read within {allowed_s:.3g} s"))
            if time.monotonic() >= until:
                return None


def _close(
    run: _Run, end: _End, on_event: Callable[[Mapping[str, object]], None], redact: Redact
) -> Measurement:
    elapsed_s = time.monotonic() - run.started
    names = {subtype.name for subtype in run.finished}
    status = end.error.collector_status if isinstance(end.error, SnapshotError) else ERROR
    failed = [
        build_failed_subtype(name, status, explain(end.error))
        for name in run.expected
        if name not in names and not _find_left_out(name, run)
    ]
    missing = [
        _add_elapsed(redact(run.collector.TYPE, subtype, math.inf), elapsed_s) for subtype in failed
    ]
    subtypes = _sort([*run.finished, *missing, *_name_left_out(run)], run.expected)
    on_event(
        {
            "collector": run.collector.TYPE,
            "event": "finished",
            "status": _sum_up(subtypes),
            "elapsed-ms": _milliseconds(elapsed_s),
        }
    )
    return Measurement(run.collector.TYPE, tuple(subtypes))


def _find_left_out(name: str, run: _Run) -> SubtypeSpec | None:
    """Return the declaration of a subtype that the profile leaves out."""
    return next((spec for spec in run.left_out if matches_pattern(name, spec.name)), None)


def _name_left_out(run: _Run) -> Iterator[Subtype]:
    """Yield the subtypes that a larger profile has; the reference's documents name none."""
    if run.profile == REFERENCE:
        return
    for name in run.expected:
        spec = _find_left_out(name, run)
        if spec:
            reason = f"left out by --profile {run.profile}; --profile {spec.profile} collects it"
            yield _add_elapsed(Subtype(name, context={"reason": reason}), 0)


def _sort(subtypes: Sequence[Subtype], expected: Sequence[str]) -> list[Subtype]:
    """Return the subtypes in the expected order, any other one after the one yielded before it.

    Other ones that were yielded before the first expected one come last.
    """
    rank = {name: index for index, name in enumerate(expected)}
    places = []
    before = len(rank)
    for subtype in subtypes:
        before = rank.get(subtype.name, before)
        places.append(before)
    # sorted() is stable.
    return [subtype for _, subtype in sorted(zip(places, subtypes), key=lambda pair: pair[0])]


def _sum_up(subtypes: Sequence[Subtype]) -> str:
    """Return the status of all subtypes if they share it, else `partial` or `ok`."""
    statuses = {subtype.status for subtype in subtypes}
    if len(statuses) == 1:
        return statuses.pop()
    return PARTIAL if statuses.intersection(GAP_STATUSES) else OK


def _add_elapsed(subtype: Subtype, elapsed_s: float) -> Subtype:
    elapsed_ms = str(_milliseconds(elapsed_s))
    return replace(subtype, context={**subtype.context, "elapsed-ms": elapsed_ms})


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
