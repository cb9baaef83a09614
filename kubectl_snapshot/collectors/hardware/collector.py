"""The node's hardware (type Hardware): processors, memory, board, PCIe links, NVMe.

Holds the declarations. The code that reads is imported when the collector runs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.document.registry import (
    EVERY_KEY,
    STRING,
    VERSION,
    SubtypeSpec,
    TellingKeys,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "Hardware"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = (
    SubtypeSpec("cpu", public=EVERY_KEY, telling=(TellingKeys(VERSION, ("model", "microcode")),)),
    SubtypeSpec("vulnerabilities", values=STRING, public=EVERY_KEY),
)
DEADLINE_S = 10.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return all subtypes, each read on its own."""
    from kubectl_snapshot.collectors.hardware import processor

    reads = {
        "cpu": processor.read_cpu,
        "vulnerabilities": processor.read_vulnerabilities,
    }
    for name, read in reads.items():
        yield read_subtype(name, partial(read, context.host))
