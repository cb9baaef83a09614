"""Threads that send a fleet's requests, and the limit of requests a second."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable


class Workers:
    """Daemon threads that run submitted functions; a request that hangs does not hold the exit."""

    def __init__(self, count: int, on_crash: Callable[[SnapshotError], None]) -> None:
        self._tasks: queue.SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]] | None] = (
            queue.SimpleQueue()
        )
        self._on_crash = on_crash
        self._count = count
        for number in range(count):
            threading.Thread(target=self._work, name=f"fleet {number}", daemon=True).start()

    def submit(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run a function in the next free thread."""
        self._tasks.put((function, arguments))

    def stop(self) -> None:
        """End the threads once they have run what was submitted before."""
        for _ in range(self._count):
            self._tasks.put(None)

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            function, arguments = task
            has_ended = False
            try:
                function(*arguments)
                has_ended = True
            finally:
                if not has_ended:
                    self._on_crash(Internal("a thread of the fleet crashed"))


class RateLimit:
    """Spaces requests evenly: at most `qps` a second, none of them in a burst; 0 is no limit."""

    def __init__(self, qps: float) -> None:
        self._interval_s = 1 / qps if qps else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Block until the next request may be sent."""
        if not self._interval_s:
            return
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._interval_s
        time.sleep(max(0.0, at - now))
