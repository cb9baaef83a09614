"""The collectors of a node, by measurement type; those of the cluster are in all_collectors.

Apart, because an agent that only looks at its node compiles what it imports at each start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors import gpu, operating_system, systemd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.collectors.context import Collector

NODE_COLLECTORS: Mapping[str, Collector] = {
    "GPU": gpu,
    "OS": operating_system,
    "SystemD": systemd,
}
