"""How long a run and its collectors take, by the events that the run tells anyway."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.metrics import Collection
from kubectl_snapshot.document.snapshot import GAP_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.document.snapshot import Snapshot

    OnEvent = Callable[[Mapping[str, Any]], None]


def take_timed(
    take: Callable[[OnEvent], Snapshot],
    on_event: OnEvent,
    record: Callable[[Collection], None],
    node_name: str = "",
) -> Snapshot:
    """Return what `take` returns, its times recorded; they are also where it raises.

    `take` gets the `on_event` that it has to tell its events to. `node_name` is what is known of
    the node before.
    """
    before = time.monotonic()
    events: list[Mapping[str, Any]] = []
    snapshot = None

    def tell(event: Mapping[str, Any]) -> None:
        events.append(event)
        on_event(event)

    try:
        snapshot = take(tell)
        return snapshot
    finally:
        duration_s = time.monotonic() - before
        record(build_collection(events, snapshot, duration_s, time.time(), node_name))


def build_collection(
    events: list[Mapping[str, Any]],
    snapshot: Snapshot | None,
    duration_s: float,
    ended_at: float,
    node_name: str = "",
) -> Collection:
    """Return what a run's events and its document, None where it failed, say of its times."""
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
    """Return seconds by collector; a node tells what it likes, and none takes longer than all."""
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
