"""The collectors of a node, by measurement type; those of the cluster are in all_collectors.

Apart, because an agent that only looks at its node compiles what it imports at each start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.driver import collector as driver
from kubectl_snapshot.collectors.gpu import collector as gpu
from kubectl_snapshot.collectors.hardware import collector as hardware
from kubectl_snapshot.collectors.network import collector as network
from kubectl_snapshot.collectors.operating_system import collector as operating_system
from kubectl_snapshot.collectors.runtime import collector as runtime
from kubectl_snapshot.collectors.systemd import collector as systemd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.collectors.run.context import Collector

NODE_COLLECTORS: Mapping[str, Collector] = {
    "GPU": gpu,
    "OS": operating_system,
    "SystemD": systemd,
    "Network": network,
    "Runtime": runtime,
    "Driver": driver,
    "Hardware": hardware,
}
