"""Collectors to a document: run them, put what they read in order, name what they could not."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.runner import run_collectors
from kubectl_snapshot.document.snapshot import Snapshot, gaps, in_order, render_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.collectors.context import Collector, Context
    from kubectl_snapshot.document.snapshot import Measurement


def collect_snapshot(
    collectors: Sequence[Collector],
    context: Context,
    timeout_s: float,
    metadata: Mapping[str, str],
    on_event: Callable[[Mapping[str, object]], None],
) -> Snapshot:
    """Return the document of all these collectors, run at once, within `timeout_s`."""
    measurements = run_collectors(collectors, context, time.monotonic() + timeout_s, on_event)
    own = {"source-node": context.node_name, "timestamp": render_time(time.time())}
    return compose_snapshot(measurements, {**own, **metadata})


def compose_snapshot(measurements: Sequence[Measurement], metadata: Mapping[str, str]) -> Snapshot:
    """Return the document with its measurements in order and its gaps named in the metadata."""
    snapshot = Snapshot(metadata, in_order(tuple(measurements)))
    found = ",".join(gaps(snapshot))
    known = {name: value for name, value in metadata.items() if name != "gaps"}
    return replace(snapshot, metadata={**known, "gaps": found} if found else known)
