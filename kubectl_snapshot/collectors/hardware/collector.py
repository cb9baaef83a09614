"""The node's hardware (type Hardware): processors, memory, board, PCIe links, NVMe.

Holds the declarations. The code that reads is imported when the collector runs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.document.registry import (
    EVERY_KEY,
    HEALTH,
    INTEGER,
    STRING,
    UNSET,
    VERSION,
    IgnoredKey,
    SubtypeSpec,
    TellingKeys,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "Hardware"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
COUNTER = "counts while the node runs"
IDLE = "a GPU lowers the speed of its link when it is idle"
SUBTYPES = (
    SubtypeSpec("cpu", public=EVERY_KEY, telling=(TellingKeys(VERSION, ("model", "microcode")),)),
    SubtypeSpec("vulnerabilities", values=STRING, public=EVERY_KEY),
    SubtypeSpec(
        "memory", public=EVERY_KEY, telling=(TellingKeys(HEALTH, ("total-kib", "dimm.*")),)
    ),
    SubtypeSpec(
        "board",
        public=EVERY_KEY,
        telling=(TellingKeys(VERSION, ("bios.version", "bmc.firmware*")),),
    ),
    SubtypeSpec(
        "identity",
        values=STRING,
        public=EVERY_KEY,
        volatile=(IgnoredKey("boot-id", "new at each boot"),),
        identity=(
            IgnoredKey("machine-id", "of each installation"),
            IgnoredKey("product-uuid", "of each machine"),
        ),
    ),
    SubtypeSpec("virtualization", values=STRING, public=EVERY_KEY),
    SubtypeSpec("iommu", public=EVERY_KEY),
    SubtypeSpec(
        "pcie",
        public=EVERY_KEY,
        volatile=(
            IgnoredKey("gpu.*.current-speed", IDLE),
            IgnoredKey("gpu-port.*.current-speed", IDLE),
        ),
        telling=(TellingKeys(HEALTH, ("*-width", "*-speed")),),
    ),
    SubtypeSpec(
        "pcie-errors",
        values=INTEGER,
        public=EVERY_KEY,
        volatile=(IgnoredKey("*.correctable", COUNTER),),
        telling=(TellingKeys(HEALTH, ("*.fatal", "*.nonfatal")),),
        missing=UNSET,
    ),
    SubtypeSpec(
        "nvme",
        public=EVERY_KEY,
        identity=(IgnoredKey("*.serial", "of each disk"),),
        telling=(TellingKeys(HEALTH, ("*.state",)), TellingKeys(VERSION, ("*.firmware",))),
    ),
)
DEADLINE_S = 10.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return all subtypes, each read on its own."""
    from kubectl_snapshot.collectors.hardware import board, bus, memory, processor, virtualization

    reads = {
        "cpu": processor.read_cpu,
        "vulnerabilities": processor.read_vulnerabilities,
        "memory": memory.read_memory,
        "board": board.read_board,
        "identity": board.read_identity,
        "virtualization": virtualization.read_virtualization,
        "iommu": board.read_iommu,
        "nvme": bus.read_nvme,
    }
    for name, read in reads.items():
        yield read_subtype(name, partial(read, context.host))
    yield from bus.read_bus(context.host)
