"""The collectors of a node, by measurement type; those of the cluster are in all_collectors.

Each is imported when it is chosen, because an agent compiles what it imports at each start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import REFERENCE, STANDARD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.settings import CollectSettings

# In the document's order: the module of a type, and the first profile that collects any of its
# subtypes.
NODE_MODULES: Mapping[str, tuple[str, str]] = {
    "GPU": ("gpu.collector", REFERENCE),
    "OS": ("operating_system.collector", REFERENCE),
    "SystemD": ("systemd.collector", REFERENCE),
    "Network": ("network.collector", STANDARD),
    "Runtime": ("runtime.collector", STANDARD),
    "Driver": ("driver.collector", STANDARD),
    "Hardware": ("hardware.collector", STANDARD),
    "Accelerator": ("accelerator.collector", STANDARD),
}


def load_node_collectors(settings: CollectSettings | None = None) -> dict[str, Collector]:
    """Return the collectors by measurement type: all, or those that the settings choose."""
    loaded: dict[str, Any] = {
        type_: import_module(f"kubectl_snapshot.collectors.{module}")
        for type_, (module, profile) in NODE_MODULES.items()
        if settings is None or settings.collects(type_, profile)
    }
    return loaded
