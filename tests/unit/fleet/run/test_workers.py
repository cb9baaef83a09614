from __future__ import annotations

import threading
import time

import pytest

from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.fleet.run.workers import RateLimit, Workers

LIMIT_S = 20


def test_tasks_run_side_by_side_in_as_many_threads() -> None:
    meeting = threading.Barrier(4, timeout=LIMIT_S)
    crashes: list[SnapshotError] = []
    pool = Workers(3, crashes.append)

    def meet() -> None:
        meeting.wait()

    for _ in range(3):
        pool.submit(meet)
    meeting.wait()
    pool.stop()
    assert crashes == []


def test_stopping_ends_the_threads_once_they_have_run_what_was_submitted() -> None:
    before = set(threading.enumerate())
    pool = Workers(2, lambda _: None)
    threads = set(threading.enumerate()) - before
    ran: list[int] = []
    for number in range(5):
        pool.submit(ran.append, number)
    pool.stop()
    for thread in threads:
        thread.join(LIMIT_S)
    assert [thread.is_alive() for thread in threads] == [False, False]
    assert sorted(ran) == [0, 1, 2, 3, 4]


def test_a_thread_that_crashes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    reported = threading.Event()
    crashes: list[SnapshotError] = []

    def on_crash(error: SnapshotError) -> None:
        crashes.append(error)
        reported.set()

    pool = Workers(1, on_crash)

    def crash() -> None:
        raise ZeroDivisionError

    pool.submit(crash)
    assert reported.wait(LIMIT_S)
    assert [error.what for error in crashes] == ["a thread of the fleet crashed"]


def test_requests_are_spaced_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    slept: list[float] = []
    monkeypatch.setattr("kubectl_snapshot.fleet.run.workers.time.monotonic", lambda: now[0])
    monkeypatch.setattr("kubectl_snapshot.fleet.run.workers.time.sleep", slept.append)
    limit = RateLimit(4)
    for _ in range(3):
        limit.wait()
    now[0] = 20.0
    limit.wait()
    assert slept == [0, 0.25, 0.5, 0]


def test_without_a_limit_nothing_waits() -> None:
    began = time.monotonic()
    for _ in range(1000):
        RateLimit(0).wait()
    assert time.monotonic() - began < LIMIT_S
