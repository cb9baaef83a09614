"""Cut a node's document: the part of the node, that of the cluster, or both together. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.snapshot import NODE_SUBTYPES, Measurement, Snapshot, in_order
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kubectl_snapshot.document.registry import Registry


def is_of_node(type_: str, name: str) -> bool:
    """Return whether a subtype is of one node, and not of the cluster."""
    return not type_.endswith("Topology") and (type_ != "K8s" or name in NODE_SUBTYPES)


def keep_node(snapshot: Snapshot) -> Snapshot:
    """Return a document without the cluster-wide facts."""
    return _keep(snapshot, is_of_node)


def keep_cluster(snapshot: Snapshot) -> Snapshot:
    """Return the cluster-wide facts of a document."""
    return _keep(snapshot, lambda type_, name: not is_of_node(type_, name))


def join_cluster(node: Snapshot, cluster: Snapshot | None) -> Snapshot:
    """Return a node's document with the cluster-wide facts that it lacks."""
    if cluster is None:
        return node
    own = {m.type: m for m in node.measurements}
    theirs = {m.type: m for m in cluster.measurements}
    joined = []
    for type_ in {**theirs, **own}:
        subtypes = own[type_].subtypes if type_ in own else ()
        names = {subtype.name for subtype in subtypes}
        more = theirs[type_].subtypes if type_ in theirs else ()
        taken = {*names, *(NODE_SUBTYPES if type_ == "K8s" else ())}
        rest = tuple(s for s in more if s.name not in taken)
        joined.append(Measurement(type_, (*subtypes, *rest)))
    return Snapshot(node.metadata, in_order(tuple(joined)), node.kind, node.api_version)


def keep_subtypes(snapshot: Snapshot, names: Collection[str], registry: Registry) -> Snapshot:
    """Return a document with some subtypes only; of devices, all of their type are needed."""
    devices = {spec.type for spec in registry if spec.devices}
    types = {name.partition(".")[0] for name in names} & devices
    return _keep(snapshot, lambda type_, name: type_ in types or f"{type_}.{name}" in names)


def _keep(snapshot: Snapshot, is_kept: Callable[[str, str], bool]) -> Snapshot:
    measurements = (
        Measurement(m.type, tuple(s for s in m.subtypes if is_kept(m.type, s.name)))
        for m in snapshot.measurements
    )
    return replace(snapshot, measurements=tuple(measurements), fingerprint=())
