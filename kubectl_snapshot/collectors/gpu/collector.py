"""The node's GPUs (type GPU): smi, device, hardware, gpu-<n>, gpu-<n>-state, topology.

Holds the declarations. The code that reads GPUs is imported when the collector runs, to keep
start-up fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.forms import form_of_address, mask_event_reasons
from kubectl_snapshot.collectors.gpu import keys
from kubectl_snapshot.collectors.gpu.smi.keys import SMI_KEYS
from kubectl_snapshot.collectors.run.context import NODE, Context, Right
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.registry import (
    HEALTH,
    INTEGER,
    MISSING,
    STRING,
    UNSET,
    VERSION,
    Devices,
    IgnoredKey,
    Normalizer,
    Parts,
    SubtypeSpec,
    TellingKeys,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "GPU"
SCOPE = NODE
# Context keys: GPUs that the PCI bus has and the driver does not list.
EXPECTED_GPUS = ("pci.gpu-count", "pci.missing")

MEASURE = "what a GPU does at the moment"
COUNTER = "counts while the driver runs"
NUMBER = "a number that changes with other GPUs"

RIGHTS: tuple[Right, ...] = ()
SUBTYPES = (
    SubtypeSpec(
        "smi",
        values=STRING,
        profile=REFERENCE,
        key_types={"gpu-count": INTEGER},
        keys=keys.SMI_KEYS,
        ignored_context=EXPECTED_GPUS,
        repeats={key: f"GPU.gpu-*.{other}" for key, other in SMI_KEYS.items()},
        telling=(
            TellingKeys(MISSING, ("gpu-count",)),
            TellingKeys(VERSION, ("driver", "cuda-version")),
        ),
    ),
    SubtypeSpec(
        "device",
        keys=keys.DEVICE_KEYS,
        ignored_context=EXPECTED_GPUS,
        repeats={
            "count": "GPU.smi.gpu-count",
            "cuda-version": "GPU.smi.cuda-version",
            "driver": "GPU.smi.driver",
            "fabric-manager-version": "GPU.smi.driver",
            "model": "GPU.gpu-*.name",
            "nvml-version": "GPU.smi.driver",
        },
        telling=(
            TellingKeys(MISSING, ("count",)),
            TellingKeys(VERSION, ("driver*", "fabric-manager-version", "kernel-module-flavor")),
        ),
    ),
    SubtypeSpec(
        "hardware",
        keys=keys.HARDWARE_KEYS,
        ignored_context=EXPECTED_GPUS,
        repeats={"gpu-count": "GPU.smi.gpu-count", "model": "GPU.gpu-*.name"},
        telling=(TellingKeys(MISSING, ("gpu-count", "gpu-present", "driver-loaded")),),
    ),
    SubtypeSpec(
        "gpu-*",
        keys=keys.GPU_KEYS,
        telling=(
            TellingKeys(MISSING, ("", "context.status")),
            TellingKeys(
                HEALTH, ("fabric.*", "nvlink.*.active", "pcie.max-*", "ecc.*", "mig.current")
            ),
            TellingKeys(VERSION, ("gsp-firmware.version", "vbios-version")),
        ),
        identity=(
            IgnoredKey("mig.*.uuid", "of each MIG device"),
            IgnoredKey("nvlink.*.remote-pci-bus-id", "of each GPU", form_of_address),
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
    SubtypeSpec(
        "gpu-*-state",
        keys=keys.STATE_KEYS,
        telling=(TellingKeys(HEALTH, ("*",)),),
        volatile=(
            IgnoredKey("clocks.current.*", MEASURE),
            IgnoredKey("compute-process-count", MEASURE),
            IgnoredKey("ecc.aggregate-corrected-errors", COUNTER),
            IgnoredKey("ecc.volatile-corrected-errors", COUNTER),
            IgnoredKey("energy.total-mj", COUNTER),
            IgnoredKey("index", NUMBER),
            IgnoredKey("memory.free-bytes", MEASURE),
            IgnoredKey("memory.used-bytes", MEASURE),
            IgnoredKey("minor-number", NUMBER),
            IgnoredKey("pcie.current-gen", MEASURE),
            IgnoredKey("pcie.replay-counter", COUNTER),
            IgnoredKey("performance-state", MEASURE),
            IgnoredKey("power.draw-mw", MEASURE),
            IgnoredKey("temperature.*", MEASURE),
            IgnoredKey("utilization.*", MEASURE),
        ),
        normalizers=(
            Normalizer(
                ("clocks.event-reasons",), mask_event_reasons, "reasons that follow the load"
            ),
        ),
        ignored_context=("pci-bus-id", "uuid"),
    ),
    SubtypeSpec("topology", missing=UNSET),
)
DEVICES = Devices(
    prefix="gpu-",
    state_suffix="-state",
    identities=(("uuid", "uuid"), ("pci.bus-id", "pci-bus-id")),
    describe_by=("name", "pci.bus-id"),
    counts=(("smi", "gpu-count"), ("hardware", "gpu-count"), ("device", "count")),
    links="topology",
    position="module-id",
    parts=Parts(
        prefix="mig.",
        identities=(("uuid",), ("placement", "compute-instance-id")),
        describe_by=("name", "placement"),
    ),
)
# Without persistence mode, a driver initializes each GPU at its first call, one after the other in
# 1 to 3 s each: eight GPUs need more than the ten seconds of a hang (docs/adr/0047).
DEADLINE_S = 45.0
HANG_S = 10.0
# Time left to report the other GPUs when one hangs.
FINISH_S = 0.5


def collect(context: Context) -> Iterator[Subtype]:
    """Return all subtypes once the driver has answered for every GPU, hangs, or is too slow."""
    from kubectl_snapshot.collectors.gpu.inventory import read_inventory
    from kubectl_snapshot.collectors.gpu.subtypes import build_subtypes

    yield from build_subtypes(read_inventory(context.host, context.deadline - FINISH_S, HANG_S))
