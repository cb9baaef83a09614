"""Every collector there is, by measurement type and in the document's order; nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors import (
    gpu,
    kubernetes_cluster,
    node_topology,
    operating_system,
    systemd,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.collectors.context import Collector

ALL_COLLECTORS: Mapping[str, Collector] = {
    "K8s": kubernetes_cluster,
    "GPU": gpu,
    "OS": operating_system,
    "SystemD": systemd,
    "NodeTopology": node_topology,
}
