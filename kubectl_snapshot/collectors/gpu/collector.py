"""The node's GPUs (type GPU): smi, device, hardware, gpu-<n>, gpu-<n>-state, topology.

Only what is declared stands here. How GPUs are read, and what they become, is imported once the
collector runs: a start pays for every module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "GPU"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = ("smi", "device", "hardware", "topology")
DEADLINE_S = 10.0
# What a GPU that hangs leaves to tell of the others.
FINISH_S = 0.5


def collect(context: Context) -> Iterator[Subtype]:
    """Return all subtypes once the driver has answered for every GPU, or its time is over."""
    from kubectl_snapshot.collectors.gpu.inventory import read_inventory
    from kubectl_snapshot.collectors.gpu.subtypes import build_subtypes

    yield from build_subtypes(read_inventory(context.host, context.deadline - FINISH_S))
