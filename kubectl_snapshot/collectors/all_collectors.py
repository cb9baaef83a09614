"""Every collector there is, by measurement type and in the document's order; nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors import node_topology
from kubectl_snapshot.collectors.kubernetes import collector as kubernetes_cluster
from kubectl_snapshot.collectors.node_collectors import NODE_COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.collectors.run.context import Collector

ALL_COLLECTORS: Mapping[str, Collector] = {
    "K8s": kubernetes_cluster,
    **NODE_COLLECTORS,
    "NodeTopology": node_topology,
}
