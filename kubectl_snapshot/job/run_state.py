"""State of one run, and the queue through which its threads report to the caller's thread."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.job.pod import node_name
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.frame.decode import FrameReader
    from kubectl_snapshot.job.options import JobOptions


@dataclass
class RunState:
    """Mutable state of one run; only the caller's thread changes it.

    `on_event` receives the agent's progress and `on_scheduled` the node's name, both in the
    caller's thread. `watched` names the objects whose events are watched. Times are
    time.monotonic() values, 0 until the event happens.
    """

    kube: Kube
    options: JobOptions
    deadline: float
    on_event: Callable[[Mapping[str, Any]], None]
    on_scheduled: Callable[[str], None]
    reader: FrameReader
    inbox: queue.SimpleQueue[tuple[str, Any]] = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    pod: Mapping[str, Any] = field(default_factory=dict)
    job: Mapping[str, Any] | None = None
    started_since: float = 0.0
    has_probed_start: bool = False
    unschedulable_since: float = 0.0
    deleted_since: float = 0.0
    sandbox_since: float = 0.0
    sandbox_error: SnapshotError | None = None
    has_sandbox: bool = False
    last_activity: float = 0.0
    is_probing: bool = False
    is_reading_log: bool = False
    log_attempts: int = 0
    log_opened: float = 0.0
    lines_before: int = 0
    cuts: int = 0
    has_log_failed: bool = False
    is_complete: bool = False
    outage: SnapshotError | None = None
    is_hold_reported: bool = False
    last_warning: str = ""
    pull: str = ""
    last_output: tuple[str, ...] = ()
    reported: set[str] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)

    @property
    def node_name(self) -> str:
        """Return the node that the pod is bound to, empty while it has none."""
        return node_name(self.pod)
