"""Accelerators of other vendors than NVIDIA (type Accelerator): summary, then one per vendor.

Holds the declarations. The code that reads is imported when the collector runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right
from kubectl_snapshot.document.registry import (
    INTEGER,
    MISSING,
    VERSION,
    IgnoredKey,
    SubtypeSpec,
    TellingKeys,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "Accelerator"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
# By subtype.
TITLES = {
    "amd": "AMD's GPUs: display and processing controllers of PCI vendor `1002`",
    "intel": "Intel's GPUs and NPUs: display and processing controllers of vendor `8086`",
    "neuron": "AWS Inferentia and Trainium: devices of vendor `1d0f`",
    "tpu": "Google's TPUs: devices of vendors `1ae0` and `1ac1`",
    "habana": "Intel's Gaudi: processing controllers of vendor `1da3`",
}
_KEYS = (
    "`count`, `model.<PCI device id>` (how many of each), `driver`, `driver-version` "
    "(`/sys/module/<driver>/version`), `numa-node`, `pci-address`"
)
_MORE = {
    "amd": ", `product`, `vbios-version`, `firmware.<unit>` (`fw_version/<unit>_fw_version`), "
    "`compute-partition` and `memory-partition`",
    "intel": ", `firmware.<name>` (`lb_fan_control_version`, `lb_voltage_regulator_version`)",
    "neuron": ", `product`, `instance-type`, `core-count` (`/sys/devices/virtual/neuron_device`)",
    "tpu": "",
    "habana": ", `product`, `firmware.<name>` (`*_ver` of its device class)",
}
SUBTYPES = (
    SubtypeSpec(
        "summary",
        "How many accelerators of each vendor beside NVIDIA the PCI bus has, by the names of the "
        "subtypes below, and their sum `count`. Without any, `count` is 0 and the status `absent`. "
        "SR-IOV virtual functions are not counted.",
        values=INTEGER,
        keys=("count", *TITLES),
        telling=(TellingKeys(MISSING, ("*",)),),
    ),
    *(
        SubtypeSpec(
            name,
            f"{title}. Only if the node has any: {_KEYS}{_MORE[name]}. Devices that differ give "
            "all values, sorted and comma-separated.",
            telling=(
                TellingKeys(MISSING, ("count", "model.*")),
                TellingKeys(VERSION, ("driver*", "firmware.*", "vbios-version")),
            ),
            identity=(IgnoredKey("pci-address", "of each machine"),),
        )
        for name, title in TITLES.items()
    ),
)
DEADLINE_S = 10.0


def choose_subtypes(_: Context) -> tuple[str, ...]:
    """Return the subtypes that the document always has."""
    return ("summary",)


def collect(context: Context) -> Iterator[Subtype]:
    """Return the counts, and each vendor whose devices the node has."""
    from kubectl_snapshot.collectors.accelerator.devices import read_accelerators

    yield from read_accelerators(context.host)
