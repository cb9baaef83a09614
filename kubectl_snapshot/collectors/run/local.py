"""This machine without an agent: its own files, and the cluster where a kubeconfig works."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.collectors.run.compose import collect_snapshot, ensure_key
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.clients.kube.client import ConnectionOptions, Kube
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.document.snapshot import Snapshot

MODE = "local"


@dataclass(frozen=True)
class Here:
    """How this machine is looked at. `host_root` is where its `/` is seen from.

    `systemd_services` None means the default units; `connection` None the usual kubeconfig.
    """

    timeout_s: float
    environment: Mapping[str, str]
    on_event: Callable[[Mapping[str, Any]], None]
    connection: ConnectionOptions | None = None
    host_root: str = "/"
    systemd_services: tuple[str, ...] | None = None
    helm_namespaces: Sequence[str] = ()
    max_nodes_per_entry: int = 0
    redaction: Redaction | None = None


def collect_here(collectors: Sequence[Collector], version: str, here: Here) -> Snapshot:
    """Return the snapshot of this machine; without a cluster its Kubernetes parts say why."""
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.kubernetes.helm import parse_namespaces

    kube, kube_error = _connect(here)
    context = Context(
        host=HostPath(here.host_root),
        node_name=read_node_name(here.environment),
        kube=kube,
        kube_error=kube_error,
        systemd_services=here.systemd_services,
        helm_namespaces=parse_namespaces(here.helm_namespaces),
        max_nodes_per_entry=here.max_nodes_per_entry,
    )
    metadata = {"version": version, "mode": MODE}
    redaction = ensure_key(here.redaction or Redaction())
    return collect_snapshot(collectors, context, here.timeout_s, metadata, here.on_event, redaction)


def read_node_name(environment: Mapping[str, str]) -> str:
    """Return what this machine is called as a node; where nothing tells it, the kernel's name."""
    from kubectl_snapshot.collectors.kubernetes.collector import detect_node_name

    return detect_node_name(environment) or os.uname().nodename


def _connect(here: Here) -> tuple[Kube | None, SnapshotError | None]:
    from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect

    try:
        return connect(here.connection or ConnectionOptions(), here.environment), None
    except SnapshotError as error:
        return None, error
