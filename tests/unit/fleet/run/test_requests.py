from __future__ import annotations

import time
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.errors import WriteConflict
from kubectl_snapshot.errors import (
    InvalidRequest,
    ServiceUnavailable,
    SnapshotError,
    Unauthorized,
)
from kubectl_snapshot.fleet.run.requests import (
    BROKEN,
    CREATED,
    LOG_END,
    PROBE_S,
    PROBED,
    REFUSED,
    PodRequests,
)
from kubectl_snapshot.fleet.run.state import LogEnd
from kubectl_snapshot.fleet.run.workers import RateLimit
from kubectl_snapshot.job.options import JobOptions


class FailingKube:
    """Answers each request with one error."""

    def __init__(self, error: SnapshotError) -> None:
        self._error = error

    def send(self, call: Any) -> Any:
        raise self._error

    def watch(self, path: str, **_: Any) -> Any:
        raise self._error

    open_stream = watch


LOST = 'Get "https://10.0.0.2:10250/containerLogs/ops/p/c": dial tcp: connection refused'


def make_requests(kube: Any, qps: float = 0) -> PodRequests:
    deadline = time.monotonic() + 60
    options = JobOptions("abcdefghij", "ops")
    return PodRequests(kube, options, lambda *_: {}, {"gpu-17": 0}, RateLimit(qps), deadline)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (ServiceUnavailable("no", LOST, status=500), LOST),
        (ServiceUnavailable("no", LOST, status=502), LOST),
        (InvalidRequest("no", LOST, status=499), ""),
        (ServiceUnavailable("no", "the API server is starting", status=503), ""),
        (ServiceUnavailable("no", "no route to host"), ""),
    ],
)
def test_a_node_is_lost_if_the_api_server_cannot_reach_its_kubelet(
    error: SnapshotError, lost: str
) -> None:
    pods = make_requests(FailingKube(error))
    pods.probe("gpu-17")
    assert pods.inbox.get_nowait() == (PROBED, "gpu-17", lost)


def test_of_what_fails_only_the_watch_of_pods_ends_the_run() -> None:
    error = Unauthorized("cannot watch", "forbidden", status=403)
    pods = make_requests(FailingKube(error))
    pods.watch_events()
    pods.delete("gpu-17", "uid")
    assert pods.inbox.empty()
    assert pods.read("gpu-17", True) is None
    kind, node, end = pods.inbox.get_nowait()
    assert (kind, node, end) == (LOG_END, "gpu-17", LogEnd(error, had_terminated=True))
    pods.watch()
    assert pods.inbox.get_nowait() == (BROKEN, "", error)
    pods.crash(error)
    assert pods.inbox.get_nowait() == (BROKEN, "", error)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("cannot create it", "already exists", status=409), CREATED),
        (WriteConflict("cannot create it", "the quota was modified", status=409), REFUSED),
        (InvalidRequest("cannot create it", "invalid", status=422), REFUSED),
    ],
)
def test_only_a_pod_that_exists_counts_as_created(error: SnapshotError, kind: str) -> None:
    pods = make_requests(FailingKube(error))
    pods.create("gpu-17")
    assert pods.inbox.get_nowait()[:2] == (kind, "gpu-17")


def test_a_probe_counts_as_a_request_and_its_time_begins_after_the_wait() -> None:
    asked: list[float] = []

    class AliveKube:
        def send(self, call: Any) -> None:
            now = time.monotonic()
            asked.append(now)
            assert call.deadline - now > PROBE_S - 0.4

    pods = make_requests(AliveKube(), qps=2)
    pods.probe("gpu-17")
    pods.probe("gpu-17")
    assert asked[1] - asked[0] >= 0.4
    assert [pods.inbox.get_nowait() for _ in asked] == [(PROBED, "gpu-17", "")] * 2


def test_a_node_that_has_failed_is_no_longer_read() -> None:
    closed = []

    class HangingStream:
        def close(self) -> None:
            closed.append(True)

    pods = make_requests(FailingKube(SnapshotError("unused")))
    stream: Any = HangingStream()
    pods._streams["gpu-17"] = stream
    pods.forget("gpu-17")
    pods.forget("gpu-17")
    assert closed == [True]
