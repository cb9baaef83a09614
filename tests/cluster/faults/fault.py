"""One fault: how it is provoked, and how the client has to report it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.cluster.faults import arrange
from tests.cluster.faults.images import name_image
from tests.cluster.faults.scene import Scene

# Faults of a lane run one after the other; SHARED runs several in parallel. A fault that
# breaks a node uses NODE2; ALONE waits until all others are done.
SHARED, NODE2, ALONE = "node1", "node2", "alone"
HANG = ("--agent", "image", "--image", name_image("hang"))
SLACK, MARGIN_S, BUSY_LOAD = 3, 10, 4 * (os.cpu_count() or 1)
LATE = ("--agent", "image", "--image", name_image("late"))


@dataclass(frozen=True)
class Fault:
    """One row. `messages` are parts of the error; `within_s` limits the time to it.

    The time counts from the client's start, or from `provoke`, which is done once the agent runs
    (`waits_for_run`). `check` checks the document. With `is_left` the client cannot delete its
    objects and prints commands, which the stage runs. `warnings` are parts of stderr. `preflight`
    is the exit code of a preflight with the same flags before the capture; None runs none.
    With `is_any_node` the client names no node. `timeout_s` is the client's --timeout, and TIMEOUT
    in a message. `tries` is for a race that the test may lose on a busy machine: each gets three
    times the timeout of the one before.
    """

    flags: tuple[str, ...] = ()
    code: int = 0
    messages: tuple[str, ...] = ()
    arrange: Callable[[Scene], AbstractContextManager[None]] = arrange.nothing
    provoke: Callable[[Scene], None] | None = None
    waits_for_run: bool = True
    check: Callable[[str], None] | None = None
    lane: str = SHARED
    within_s: float = 20
    is_left: bool = False
    warnings: tuple[str, ...] = ()
    preflight: int | None = None
    is_any_node: bool = False
    timeout_s: int = 0
    tries: int = 1

    @property
    def all_flags(self) -> tuple[str, ...]:
        return (*self.flags, "--timeout", f"{self.timeout_s}s") if self.timeout_s else self.flags

    @property
    def limit_s(self) -> float:
        """Return the time to the error, more on a machine that does other things meanwhile.

        `make faults`, which runs in one process, is where the client's seconds are measured.
        """
        is_busy = "PYTEST_XDIST_WORKER" in os.environ or os.getloadavg()[0] > BUSY_LOAD
        return max(self.within_s, self.timeout_s + MARGIN_S) * (SLACK if is_busy else 1)

    def find_missing(self, message: str) -> list[str]:
        """Return the parts of the expected error that a message lacks."""
        wanted = [text.replace("TIMEOUT", f"{self.timeout_s} s") for text in self.messages]
        return [text for text in wanted if text not in message]
