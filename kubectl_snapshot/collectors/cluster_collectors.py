"""The collectors of the cluster, by measurement type; each is imported when it asks the API server.

Without a connection none is imported: each of twenty modules would report the same gap.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import CLUSTER, NOT_ASKED, require_kube
from kubectl_snapshot.document.snapshot import Subtype

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from kubectl_snapshot.collectors.run.context import Collector, Context, Right
    from kubectl_snapshot.document.registry import SubtypeSpec


class ClusterCollector:
    """A collector whose module is imported when it is needed."""

    SCOPE = CLUSTER

    def __init__(self, type_: str, module: str, deadline_s: float) -> None:
        self.TYPE = type_
        self.DEADLINE_S = deadline_s
        self._name = f"kubectl_snapshot.collectors.{module}"

    @property
    def RIGHTS(self) -> tuple[Right, ...]:
        return self._load().RIGHTS

    @property
    def SUBTYPES(self) -> tuple[SubtypeSpec, ...]:
        if self._name in sys.modules:
            return self._load().SUBTYPES
        from kubectl_snapshot.collectors.registry import REGISTRY

        return next(spec.subtypes for spec in REGISTRY if spec.type == self.TYPE)

    def collect(self, context: Context) -> Iterable[Subtype]:
        """Return the subtypes; raise Unavailable without a connection, for all of them."""
        # An unknown node is the first error of some subtypes.
        if context.kube is None and context.node_name:
            return self._explain(context)
        return self._load().collect(context)

    def _explain(self, context: Context) -> Iterable[Subtype]:
        if self.TYPE == "K8s" and not context.settings.helm_namespaces:
            yield Subtype("helm", context={"reason": NOT_ASKED})
        require_kube(context)

    def _load(self) -> Collector:
        module: Any = import_module(self._name)
        loaded: Collector = module
        return loaded


CLUSTER_COLLECTORS = {
    collector.TYPE: collector
    for collector in (
        ClusterCollector("K8s", "kubernetes.collector", 60.0),
        ClusterCollector("NodeTopology", "node_topology", 90.0),
    )
}
