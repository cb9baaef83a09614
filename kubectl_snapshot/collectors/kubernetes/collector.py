"""API server, node object, images, releases and policies (measurement type K8s).

A subtype is a module with SPEC, RIGHTS and `read(context, shared)`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Callable, TypeVar

from kubectl_snapshot.collectors.kubernetes import (
    argocd,
    device_plugin,
    helm,
    image,
    kubelet,
    node,
    node_status,
    pods,
    policy,
    server,
    storage_class,
)
from kubectl_snapshot.collectors.kubernetes.objects import OBJECT_LISTS, ApiGroups
from kubectl_snapshot.collectors.kubernetes.operators import OPERATORS
from kubectl_snapshot.collectors.kubernetes.shared import KubernetesSubtype, Shared
from kubectl_snapshot.collectors.run.context import CLUSTER, Context, read_subtype, require_kube
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

# In the document's order.
MODULES: tuple[KubernetesSubtype, ...] = (
    *(server, image, policy, node, helm, argocd, storage_class),
    *OPERATORS,
    node_status,
    kubelet,
    ApiGroups(),
    pods.DaemonSets(),
    pods.PriorityClasses(),
    device_plugin,
    *OBJECT_LISTS,
)
# Lists of the whole cluster are slow: read after single objects, in this order.
READ_LAST = (
    *("policy", "argocd", "helm", "custom-resource", "image", "daemon-set", "priority-class"),
    *("device-plugin", "kubelet"),
)

TYPE = "K8s"
T = TypeVar("T")
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
        read_once(lambda: read_groups(require_kube(context), context.deadline)),
        read_once(lambda: node.read_object(context)),
        finished,
        read_once(lambda: pods.read_pods(context)),
    )
    ranks = {name: rank for rank, name in enumerate(READ_LAST)}
    modules = [m for m in MODULES if context.settings.includes(m.SPEC.profile)]
    for module in sorted(modules, key=lambda module: ranks.get(module.SPEC.name, -1)):
        name = module.SPEC.name
        finished[name] = read_subtype(name, partial(module.read, context, shared))
        yield finished[name]


def read_once(read: Callable[[], T]) -> Callable[[], T]:
    """Return a function that reads at its first call, and then gives that result or error again."""
    found: list[T | SnapshotError] = []

    def answer() -> T:
        if not found:
            try:
                found.append(read())
            except SnapshotError as error:
                found.append(error)
        if isinstance(found[0], SnapshotError):
            raise found[0]
        return found[0]

    return answer
