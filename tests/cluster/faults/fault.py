"""One fault: how it is provoked, and how the client has to report it."""

from __future__ import annotations

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
LATE = ("--agent", "image", "--image", name_image("late"))


@dataclass(frozen=True)
class Fault:
    """One row. `messages` are parts of the error; `within_s` limits the time to it.

    The time counts from the client's start, or from `provoke`, which is done once the agent runs
    (`waits_for_run`). `check` checks the document. With `is_left` the client cannot delete its
    objects and prints commands, which the stage runs. `warnings` are parts of stderr. `preflight`
    is the exit code of a preflight with the same flags before the capture; None runs none.
    With `is_any_node` the client names no node. `tries` is for a race that the test may lose.
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
    tries: int = 1
