"""The node's GPUs (type GPU): smi, device, hardware, gpu-<n>, gpu-<n>-state, topology.

Holds the declarations. The code that reads GPUs is imported when the collector runs, to keep
start-up fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right
from kubectl_snapshot.document.registry import INTEGER, STRING, Devices, IgnoredKey, SubtypeSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "GPU"
SCOPE = NODE
# Context keys: GPUs that the PCI bus has and the driver does not list.
EXPECTED_GPUS = ("pci.gpu-count", "pci.missing")

RIGHTS: tuple[Right, ...] = ()
SUBTYPES = (
    SubtypeSpec(
        "smi",
        values=STRING,
        key_types={"gpu-count": INTEGER},
        ignored_context=EXPECTED_GPUS,
    ),
    SubtypeSpec("device", ignored_context=EXPECTED_GPUS),
    SubtypeSpec("hardware", ignored_context=EXPECTED_GPUS),
    SubtypeSpec(
        "gpu-*",
        identity=(
            IgnoredKey("mig.*.uuid", "of each MIG device"),
            IgnoredKey("nvlink.*.remote-pci-bus-id", "of each GPU"),
            IgnoredKey("pci.bus-id", "of each GPU; clouds give each machine others"),
            IgnoredKey("pdi", "of each GPU"),
            IgnoredKey("platform.chassis-serial-number", "of each chassis"),
            IgnoredKey("platform.host-id", "of each place in a rack"),
            IgnoredKey("platform.ib-guid", "of each GPU"),
            IgnoredKey("platform.slot-number", "of each place in a rack"),
            IgnoredKey("platform.tray-index", "of each place in a rack"),
            IgnoredKey("serial", "of each board"),
            IgnoredKey("uuid", "of each GPU"),
        ),
        ignored_context=("pci-bus-id", "uuid"),
    ),
    SubtypeSpec("gpu-*-state", volatile=(IgnoredKey("*", "what a GPU does at the moment"),)),
    SubtypeSpec("topology"),
)
DEVICES = Devices(
    prefix="gpu-",
    state_suffix="-state",
    identities=(("uuid", "uuid"), ("pci.bus-id", "pci-bus-id")),
    describe_by=("name", "pci.bus-id"),
    counts=(("smi", "gpu-count"), ("hardware", "gpu-count"), ("device", "count")),
    links="topology",
)
DEADLINE_S = 10.0
# Time left to report the other GPUs when one hangs.
FINISH_S = 0.5


def collect(context: Context) -> Iterator[Subtype]:
    """Return all subtypes once the driver has answered for every GPU, or at the deadline."""
    from kubectl_snapshot.collectors.gpu.inventory import read_inventory
    from kubectl_snapshot.collectors.gpu.subtypes import build_subtypes

    yield from build_subtypes(read_inventory(context.host, context.deadline - FINISH_S))
