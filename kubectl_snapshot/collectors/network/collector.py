"""The node's network (type Network): interface-<name>, rdma-<device>, proximity, pci-acs.

Holds the declarations. The code that reads is imported when the collector runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "Network"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = (
    SubtypeSpec(
        "interface-*",
        keys=(
            *("driver", "firmware", "kind", "mac-address", "master", "members", "mtu", "numa-node"),
            *("operstate", "pci-address", "port-name", "speed-mbps", "duplex", "switch-id"),
            *("tx-queue-length", "vlan-id", "bond.*", "offload.*", "pcie.*"),
            "sriov.*",
        ),
        public=EVERY_KEY,
        identity=(
            IgnoredKey("mac-address", "of each interface"),
            IgnoredKey("switch-id", "of each card"),
        ),
        telling=(
            TellingKeys(HEALTH, ("operstate", "speed-mbps", "pcie.*")),
            TellingKeys(VERSION, ("firmware",)),
        ),
    ),
    SubtypeSpec(
        "rdma-*",
        keys=(
            *("board-id", "driver", "firmware", "hca-type", "node-guid", "numa-node"),
            *("pci-address", "system-image-guid", "port.*"),
        ),
        public=EVERY_KEY,
        identity=(
            IgnoredKey("node-guid", "of each device"),
            IgnoredKey("system-image-guid", "of each card"),
            IgnoredKey("port.*.lid", "of each port in its subnet"),
        ),
        telling=(
            TellingKeys(HEALTH, ("port.*.state", "port.*.rate")),
            TellingKeys(VERSION, ("firmware",)),
        ),
    ),
    SubtypeSpec("proximity", values=STRING, public=EVERY_KEY, missing=UNSET),
    SubtypeSpec("pci-acs", values=STRING, public=EVERY_KEY, missing=UNSET),
)
DEADLINE_S = 10.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return each interface, each RDMA device, and the distance of each card to each GPU."""
    from kubectl_snapshot.collectors.network.cards import read_network

    yield from read_network(context.host)
