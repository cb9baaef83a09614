from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError, Unauthorized
from kubectl_snapshot.job.frame.decode import FrameReader
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.run_state import RunState
from kubectl_snapshot.job.watchers import watch_events


class Refusing:
    """A client whose watches are refused."""

    def __init__(self, error: SnapshotError) -> None:
        self._error = error

    def watch(self, path: str, **_: Any) -> Iterator[Any]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "is_failure"),
    [
        (ServiceUnavailable("cannot watch events", status=500), False),
        (Unauthorized("cannot watch events", status=403), False),
        (Unauthorized("cannot watch events", status=401), True),
    ],
    ids=["500", "403", "401"],
)
def test_events_that_cannot_be_watched_do_not_fail_a_run(
    error: SnapshotError, is_failure: bool
) -> None:
    run = RunState(
        kube=Refusing(error),  # type: ignore[arg-type]
        options=JobOptions(run_id="a", namespace="default"),
        deadline=time.monotonic() + 5,
        on_event=lambda event: None,
        on_scheduled=lambda name: None,
        reader=FrameReader("a"),
    )
    watch_events(run, "job")
    if is_failure:
        assert run.inbox.get(timeout=10) == ("failure", error)
        return
    for thread in threading.enumerate():
        if thread.name.startswith("event of"):
            thread.join(10)
    assert run.inbox.empty()
