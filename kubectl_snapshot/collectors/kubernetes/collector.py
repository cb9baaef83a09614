"""API server, node object, images, releases and policies (measurement type K8s).

A subtype is a module with SPEC, RIGHTS and `read(context, shared)`.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.kubernetes import (
    argocd,
    helm,
    image,
    kubelet,
    node,
    node_status,
    policy,
    server,
    storage_class,
)
from kubectl_snapshot.collectors.kubernetes.operators import OPERATORS
from kubectl_snapshot.collectors.kubernetes.shared import KubernetesSubtype, Shared
from kubectl_snapshot.collectors.run.context import CLUSTER, Context, read_subtype, require_kube

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

# In the document's order.
MODULES: tuple[KubernetesSubtype, ...] = (
    *(server, image, policy, node, helm, argocd, storage_class),
    *OPERATORS,
    node_status,
    kubelet,
)
# Lists of the whole cluster are slow: read after single objects, in this order.
READ_LAST = ("policy", "argocd", "helm", "image", "kubelet")

TYPE = "K8s"
SCOPE = CLUSTER
RIGHTS = tuple(
    right._replace(profile=module.SPEC.profile) for module in MODULES for right in module.RIGHTS
)
SUBTYPES = tuple(module.SPEC for module in MODULES)
DEADLINE_S = 60.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return the subtypes of the profile, each read on its own."""
    finished: dict[str, Subtype] = {}
    from kubectl_snapshot.clients.kube.discovery import read_groups  # late: 2 ms of diff and schema

    shared = Shared(
        cache(lambda: read_groups(require_kube(context), context.deadline)),
        cache(lambda: node.read_object(context)),
        finished,
    )
    ranks = {name: rank for rank, name in enumerate(READ_LAST)}
    modules = [m for m in MODULES if context.settings.includes(m.SPEC.profile)]
    for module in sorted(modules, key=lambda module: ranks.get(module.SPEC.name, -1)):
        name = module.SPEC.name
        finished[name] = read_subtype(name, partial(module.read, context, shared))
        yield finished[name]
