"""Capture this machine without an agent, and the cluster if a kubeconfig works."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.auth.access import ConnectionOptions, read_access
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.compose import check_gpu_count, collect_snapshot, ensure_key
from kubectl_snapshot.collectors.run.context import Context, detect_node_name
from kubectl_snapshot.errors import InvalidRequest, SnapshotError
from kubectl_snapshot.records import dataclass, field
from kubectl_snapshot.settings import CollectSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.document.snapshot import Snapshot

MODE = "local"


@dataclass(frozen=True)
class LocalCapture:
    """Options of a capture of this machine; `host_root` is the mount point of its root.

    `connection` None means the default kubeconfig.
    """

    timeout_s: float
    environment: Mapping[str, str]
    on_event: Callable[[Mapping[str, Any]], None]
    connection: ConnectionOptions | None = None
    host_root: str = "/"
    settings: CollectSettings = field(default_factory=CollectSettings)
    require_gpu: bool = False


def collect_locally(collectors: Sequence[Collector], version: str, local: LocalCapture) -> Snapshot:
    """Return the snapshot of this machine; without a cluster the Kubernetes parts are gaps.

    Raises InvalidRequest on another system than Linux, NotFound if a GPU is required and none is
    found.
    """
    if sys.platform != "linux" and local.host_root == "/":
        raise InvalidRequest(
            "only Linux can be captured locally",
            why=f"this is {sys.platform}",
            hint="capture a node of a cluster: kubectl snapshot --node NAME",
        )
    kube, kube_error = _connect(local)
    context = Context(
        host=HostPath(local.host_root),
        node_name=read_node_name(local.environment),
        kube=kube,
        kube_error=kube_error,
        settings=ensure_key(local.settings),
    )
    metadata = {"version": version, "mode": MODE}
    snapshot = collect_snapshot(collectors, context, local.timeout_s, metadata, local.on_event)
    if local.require_gpu:
        check_gpu_count(snapshot)
    return snapshot


def read_node_name(environment: Mapping[str, str]) -> str:
    """Return the node name of this machine, or else its host name."""
    return detect_node_name(environment) or os.uname().nodename


def _connect(local: LocalCapture) -> tuple[Kube | None, SnapshotError | None]:
    try:
        access = read_access(local.connection or ConnectionOptions(), local.environment)
        # Late: 16 ms, and where no cluster is configured nothing is asked.
        from kubectl_snapshot.clients.kube.client import connect_access

        return connect_access(access, local.environment), None
    except SnapshotError as error:
        return None, error
