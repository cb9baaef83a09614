from __future__ import annotations

import time
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.errors import WriteConflict
from kubectl_snapshot.errors import InvalidRequest, SnapshotError
from kubectl_snapshot.fleet.run.requests import (
    CREATED,
    PROBE_S,
    PROBED,
    REFUSED,
    PodRequests,
)
from kubectl_snapshot.fleet.run.workers import RateLimit
from kubectl_snapshot.job.options import JobOptions


class FailingKube:
    """Answers each request with one error."""

    def __init__(self, error: SnapshotError) -> None:
        self._error = error

    def send(self, call: Any) -> Any:
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("cannot create it", "already exists", status=409), CREATED),
        (WriteConflict("cannot create it", "the quota was modified", status=409), REFUSED),
        (InvalidRequest("cannot create it", "invalid", status=422), REFUSED),
    ],
)
def test_only_a_pod_that_exists_counts_as_created(error: SnapshotError, kind: str) -> None:
    kube: Any = FailingKube(error)
    options = JobOptions("abcdefghij", "ops")
    deadline = time.monotonic() + 60
    pods = PodRequests(kube, options, lambda *_: {}, {"gpu-17": 0}, RateLimit(0), deadline)
    pods.create("gpu-17")
    assert pods.inbox.get_nowait()[:2] == (kind, "gpu-17")


def test_a_probe_counts_as_a_request_and_its_time_begins_after_the_wait() -> None:
    asked: list[float] = []

    class AliveKube:
        def send(self, call: Any) -> None:
            now = time.monotonic()
            asked.append(now)
            assert call.deadline - now > PROBE_S - 0.4

    kube: Any = AliveKube()
    options = JobOptions("abcdefghij", "ops")
    deadline = time.monotonic() + 60
    pods = PodRequests(kube, options, lambda *_: {}, {"gpu-17": 0}, RateLimit(2), deadline)
    pods.probe("gpu-17")
    pods.probe("gpu-17")
    assert asked[1] - asked[0] >= 0.4
    assert [pods.inbox.get_nowait() for _ in asked] == [(PROBED, "gpu-17", "")] * 2
