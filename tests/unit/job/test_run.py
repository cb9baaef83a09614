from __future__ import annotations

import _thread
import threading

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.codec.json_codec import canonical_json
from kubectl_snapshot.document.schema import build_checks
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import Internal
from kubectl_snapshot.job.run import Ending, parse_result

CHECKS = build_checks(REGISTRY)
SNAPSHOT = Snapshot(
    {"source-node": "node2", "timestamp": "2026-03-09T18:42:07Z"},
    (Measurement("OS", (Subtype("kmod", {"nvidia": True}),)),),
)


def test_a_valid_document_comes_back_equal() -> None:
    assert parse_result(canonical_json(SNAPSHOT), {"OS"}, CHECKS) == SNAPSHOT


def test_unrequested_measurements_are_dropped() -> None:
    assert parse_result(canonical_json(SNAPSHOT), {"K8s"}, CHECKS).measurements == ()


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff", b"[]", b'{"measurements": 3}', b'{"measurements": [{"type": 1}]}'],
)
def test_an_invalid_document_is_rejected(payload: bytes) -> None:
    with pytest.raises(Internal):
        parse_result(payload, {"OS"}, CHECKS)


def test_the_work_is_done_once_also_if_the_wait_for_it_is_interrupted() -> None:
    ending, done, may_end = Ending(), [], threading.Event()

    def work() -> None:
        # The interrupt reaches the main thread while it waits.
        _thread.interrupt_main()
        may_end.wait(10)
        done.append(1)

    with pytest.raises(KeyboardInterrupt):
        try:
            ending.ensure(work)
        finally:
            may_end.set()
            ending.ensure(work)
            assert done == [1]
    ending.ensure(work)
    assert done == [1]


def test_work_that_fails_is_no_work_for_ever() -> None:
    """The thread's own exception is printed by threading; nobody waits for it."""
    ending = Ending()
    hook, threading.excepthook = threading.excepthook, lambda _: None
    try:
        ending.ensure(lambda: 1 / 0)
        ending.ensure(lambda: 1 / 0)
    finally:
        threading.excepthook = hook
