"""Durations of a capture and its collectors, taken from its events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.metrics import Collection, check_metrics_path, write_metrics
from kubectl_snapshot.document.snapshot import GAP_STATUSES
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.document.snapshot import Snapshot

    OnEvent = Callable[[Mapping[str, Any]], None]


def capture_timed(
    capture: Callable[[OnEvent], Snapshot],
    on_event: OnEvent,
    record: Callable[[Collection], None],
    node_name: str = "",
) -> Snapshot:
    """Return the snapshot of `capture`, and record its durations, also if it raises.

    `capture` gets the callback for its events. `node_name` is the node's name, if known.
    """
    before = time.monotonic()
    events: list[Mapping[str, Any]] = []
    snapshot = None

    def record_event(event: Mapping[str, Any]) -> None:
        events.append(event)
        on_event(event)

    try:
        snapshot = capture(record_event)
        return snapshot
    finally:
        duration_s = time.monotonic() - before
        record(build_collection(events, snapshot, duration_s, time.time(), node_name))


def capture_with_metrics_file(
    path: str, node_name: str, capture: Callable[[OnEvent], Snapshot], on_event: OnEvent
) -> Snapshot:
    """Return the snapshot of `capture`, and write its durations to a file, also if it raises.

    Raises before the capture if the file cannot be written; a later failure is only a warning.
    """
    check_metrics_path(path)

    def record(collection: Collection) -> None:
        try:
            write_metrics(path, collection)
        except SnapshotError as error:
            on_event({"event": "warning", "message": f"{error.what}: {error.why}"})

    return capture_timed(capture, on_event, record, node_name)


def build_collection(
    events: list[Mapping[str, Any]],
    snapshot: Snapshot | None,
    duration_s: float,
    ended_at: float,
    node_name: str = "",
) -> Collection:
    """Return the durations and gaps of a capture; `snapshot` is None if it failed."""
    nodes = [event["node"] for event in events if event.get("event") == "scheduled"]
    name = snapshot.metadata.get("source-node", "") if snapshot else ""
    return Collection(
        node_name=name or str([node_name, *nodes][-1]),
        is_success=snapshot is not None,
        ended_at=round(ended_at, 3),
        duration_s=round(duration_s, 6),
        collector_durations_s=_read_durations(events, duration_s),
        gaps=_count_gaps(snapshot) if snapshot else {},
    )


def _read_durations(events: list[Mapping[str, Any]], limit_s: float) -> dict[str, float]:
    """Return seconds by collector; values that a node cannot have measured are dropped."""
    found = {
        str(event["collector"]): event["elapsed-ms"]
        for event in events
        if event.get("event") == "finished"
    }
    return {
        collector: elapsed_ms / 1000
        for collector, elapsed_ms in found.items()
        if isinstance(elapsed_ms, (int, float)) and 0 <= elapsed_ms <= limit_s * 1000 + 1
    }


def _count_gaps(snapshot: Snapshot) -> dict[str, int]:
    return {
        measurement.type: sum(subtype.status in GAP_STATUSES for subtype in measurement.subtypes)
        for measurement in snapshot.measurements
    }
