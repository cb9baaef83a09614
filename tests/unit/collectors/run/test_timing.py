"""What a run's events say of its times, also those that a hostile node could tell."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.clients.metrics import Collection
from kubectl_snapshot.collectors.run.timing import build_collection, capture_timed
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import Unauthorized

SNAPSHOT = Snapshot(
    {"source-node": "node2"},
    (
        Measurement("GPU", (Subtype("smi", context={"status": "absent"}),)),
        Measurement(
            "OS",
            (
                Subtype("grub", context={"status": "forbidden"}),
                Subtype("sysctl", context={"status": "partial"}),
                Subtype("kmod"),
            ),
        ),
    ),
)


def finished(collector: str, elapsed_ms: Any) -> dict[str, Any]:
    return {
        "event": "finished",
        "collector": collector,
        "status": "ok",
        "elapsed-ms": elapsed_ms,
    }


def test_a_run_is_recorded_with_its_collectors_and_gaps() -> None:
    recorded: list[Collection] = []
    reported: list[Any] = []

    def take(tell: Any) -> Snapshot:
        tell({"event": "scheduled", "node": "node2"})
        tell(finished("OS", 0))
        return SNAPSHOT

    assert capture_timed(take, reported.append, recorded.append) is SNAPSHOT
    (found,) = recorded
    assert [event["event"] for event in reported] == ["scheduled", "finished"]
    assert (found.node_name, found.is_success) == ("node2", True)
    assert found.collector_durations_s == {"OS": 0.0}
    assert found.gaps == {"GPU": 0, "OS": 2}


@pytest.mark.parametrize("error", [Unauthorized("no"), KeyboardInterrupt()])
def test_a_run_that_fails_is_recorded_and_fails(error: BaseException) -> None:
    recorded: list[Collection] = []

    def take(tell: Any) -> Snapshot:
        raise error

    with pytest.raises(type(error)):
        capture_timed(take, lambda event: None, recorded.append, "node1")
    (found,) = recorded
    assert (found.node_name, found.is_success, found.gaps) == ("node1", False, {})


def test_a_collector_that_did_not_end_has_no_duration() -> None:
    events = [{"event": "started", "collector": "GPU"}, finished("OS", 12)]
    assert build_collection(events, None, 1.0, 0.0).collector_durations_s == {"OS": 0.012}


def test_the_node_that_was_chosen_is_named_where_the_run_fails_later() -> None:
    events = [{"event": "scheduled", "node": "node3"}]
    assert build_collection(events, None, 1.0, 0.0).node_name == "node3"
    assert build_collection([], None, 1.0, 0.0).node_name == ""


@pytest.mark.parametrize("elapsed_ms", ["12", -1, 1e300, 10**400, float("inf"), 2002])
def test_no_collector_takes_longer_than_its_run(elapsed_ms: object) -> None:
    found = build_collection([finished("OS", elapsed_ms)], SNAPSHOT, 2.0, 0.0)
    assert found.collector_durations_s == {}
    within = build_collection([finished("OS", 1999)], SNAPSHOT, 2.0, 0.0)
    assert within.collector_durations_s == {"OS": 1.999}
