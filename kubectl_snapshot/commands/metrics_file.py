"""--metrics-file: how long a collection took, written whether it failed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.metrics import check_metrics_path, write_metrics
from kubectl_snapshot.collectors.run.timing import take_timed
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_snapshot.clients.metrics import Collection
    from kubectl_snapshot.collectors.run.timing import OnEvent
    from kubectl_snapshot.document.snapshot import Snapshot


def take_and_write(
    path: str, node_name: str, take: Callable[[OnEvent], Snapshot], on_event: OnEvent
) -> Snapshot:
    """Return what `take` returns, once the file of metrics is written.

    Raises, before anything is taken, for a file that could not be written. Afterwards that is a
    warning: metrics tell about a run, and cost neither its document nor its error.
    """
    check_metrics_path(path)

    def record(collection: Collection) -> None:
        try:
            write_metrics(path, collection)
        except SnapshotError as error:
            on_event({"event": "warning", "message": f"{error.what}: {error.why}"})

    return take_timed(take, on_event, record, node_name)
