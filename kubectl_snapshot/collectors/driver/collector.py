"""The node's drivers (type Driver): modules, their settings, libraries, the kernel's log.

Holds the declarations. The code that reads is imported when the collector runs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.document.registry import (
    EVERY_KEY,
    HEALTH,
    STRING,
    UNSET,
    VERSION,
    IgnoredKey,
    SubtypeSpec,
    TellingKeys,
)
from kubectl_snapshot.document.snapshot import Subtype

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPE = "Driver"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
LOST = "the kernel's log is a ring: old messages are overwritten"
COUNTER = "counts while the node runs"
SUBTYPES = (
    SubtypeSpec(
        "modules",
        values=STRING,
        public=EVERY_KEY,
        telling=(TellingKeys(VERSION, ("*.version", "*.srcversion")),),
        missing=UNSET,
    ),
    SubtypeSpec("nvidia-params", values=STRING, missing=UNSET),
    SubtypeSpec("modprobe", values=STRING, missing=UNSET),
    SubtypeSpec("libraries", values=STRING, missing=UNSET, telling=(TellingKeys(VERSION, ("*",)),)),
    SubtypeSpec(
        "kernel-log",
        public=EVERY_KEY,
        missing=UNSET,
        volatile=(
            *(IgnoredKey(key, LOST) for key in ("complete", "first-time", "record-count")),
            *(IgnoredKey(f"{name}.*", COUNTER) for name in ("aer.corrected", "edac.corrected")),
            *(IgnoredKey(f"{name}.*", COUNTER) for name in ("oom.*", "hung-task")),
            IgnoredKey("*.last-time", "a second more or less, as the clock is set"),
        ),
        identity=(IgnoredKey("*.last-pci-address", "of each card"),),
        telling=(TellingKeys(HEALTH, ("*.count",)),),
    ),
)
DEADLINE_S = 10.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return what the node's files say of its drivers, each read on its own."""
    from kubectl_snapshot.collectors.driver import kernel_log, libraries, modules, settings

    host = context.host
    yield read_subtype("modules", partial(modules.read, host))
    yield read_subtype("nvidia-params", partial(settings.read_params, host))
    yield read_subtype("modprobe", partial(settings.read_modprobe, host))
    yield read_subtype("libraries", partial(libraries.read, host))
    if context.settings.skips_kernel_log:
        yield Subtype("kernel-log", context={"reason": "left out by --no-kernel-log"})
    else:
        yield read_subtype("kernel-log", partial(kernel_log.read, host, context.deadline))
