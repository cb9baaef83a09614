"""Every collector by measurement type, in the document's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors import node_topology
from kubectl_snapshot.collectors.kubernetes import collector as kubernetes_cluster
from kubectl_snapshot.collectors.node_collectors import load_node_collectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.collectors.run.context import Collector

ALL_COLLECTORS: Mapping[str, Collector] = {
    "K8s": kubernetes_cluster,
    **load_node_collectors(),
    "NodeTopology": node_topology,
}
