"""The state of one run while it lasts, and the queue from its threads to the caller's thread."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.job.pod import node_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.job.frame import FrameReader
    from kubectl_snapshot.job.options import JobOptions


@dataclass
class RunState:
    """What is known of one run while it lasts; changed by the caller's thread only.

    `on_event` gets the agent's progress, `on_scheduled` the node's name, in the caller's thread.
    Times are time.monotonic(), 0 where it has not happened.
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
    unschedulable_since: float = 0.0
    deleted_since: float = 0.0
    heard_at: float = 0.0
    is_probing: bool = False
    is_reading_log: bool = False
    log_attempts: int = 0
    is_complete: bool = False
    is_outage_told: bool = False
    last_warning: str = ""
    last_words: tuple[str, ...] = ()
    told: set[str] = field(default_factory=set)

    @property
    def node_name(self) -> str:
        """Return the node that the pod is bound to, empty before."""
        return node_name(self.pod)
