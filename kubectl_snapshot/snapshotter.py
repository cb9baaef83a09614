"""The public library: capture this machine, or nodes of a cluster through an agent.

A reading that fails does not fail the capture: the document has its status and reason. All errors
that are raised are subclasses of SnapshotError.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from kubectl_snapshot import __version__
from kubectl_snapshot.agent.capture_node import deploy_and_get_snapshot, record_metrics
from kubectl_snapshot.agent.config import AgentConfig, ignore_event, validate_timeout
from kubectl_snapshot.agent.plan import choose_connection
from kubectl_snapshot.analysis import (
    check_snapshot,
    diff_snapshots,
    find_findings,
    load_snapshot,
    query,
)
from kubectl_snapshot.collectors.choose import choose_collectors
from kubectl_snapshot.collectors.run.compose import check_gpu_count
from kubectl_snapshot.collectors.run.local import LocalCapture, collect_locally, read_node_name
from kubectl_snapshot.constants import DEFAULT_TIMEOUT_S, FULL_API_VERSION, STANDARD
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.document.snapshot import Snapshot, new_snapshot
from kubectl_snapshot.fleet.capture import capture_fleet
from kubectl_snapshot.fleet.fleet import Fleet, load_fleet
from kubectl_snapshot.fleet.outliers import find_outliers
from kubectl_snapshot.fleet.planning.config import FleetConfig
from kubectl_snapshot.job.selectors import (
    default_tolerations,
    parse_node_selectors,
    parse_taint,
    parse_tolerations,
)
from kubectl_snapshot.records import dataclass, field, replace
from kubectl_snapshot.settings import CollectSettings
from kubectl_snapshot.storage.serializer import FileSerializer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.agent.config import OnEvent
    from kubectl_snapshot.clients.metrics import Registry
    from kubectl_snapshot.collectors.run.context import Collector

__all__ = [
    "FULL_API_VERSION",
    "AgentConfig",
    "CollectSettings",
    "Factory",
    "Fleet",
    "FleetConfig",
    "NodeSnapshotter",
    "Redaction",
    "Serializer",
    "Snapshot",
    "Snapshotter",
    "capture_fleet",
    "check_snapshot",
    "default_factory",
    "default_tolerations",
    "deploy_and_get_snapshot",
    "diff_snapshots",
    "file_serializer",
    "find_findings",
    "find_outliers",
    "load_fleet",
    "load_snapshot",
    "new_snapshot",
    "parse_node_selectors",
    "parse_taint",
    "parse_tolerations",
    "query",
]


class Snapshotter(Protocol):
    """An object that captures a snapshot and passes it to its serializer."""

    def measure(self, timeout: float | None = None) -> None: ...


class Serializer(Protocol):
    """An object that writes a snapshot."""

    def serialize(self, snapshot: Snapshot) -> None: ...


@dataclass(frozen=True)
class Factory:
    """Version and collectors of a capture; empty `systemd_services` mean the default units.

    `profile` is how much is collected: reference, standard or full.
    """

    version: str
    collectors: tuple[Collector, ...]
    systemd_services: tuple[str, ...] = ()
    profile: str = STANDARD


@dataclass(frozen=True)
class NodeSnapshotter:
    """Captures one node: this machine, or with an `agent_config` a node of a cluster.

    `version` is the version in the document; empty: the factory's, or this program's. `redaction`
    and `registry` apply to this machine; an `agent_config` has its own.
    """

    version: str = ""
    factory: Factory | None = None
    serializer: Serializer | None = None
    agent_config: AgentConfig | None = None
    require_gpu: bool = False
    redaction: Redaction = field(default_factory=Redaction)
    registry: Registry | None = None

    def measure(self, timeout: float | None = None) -> None:
        """Capture within `timeout` seconds and serialize; the default is JSON to stdout.

        Raises NotFound, and writes nothing, if a GPU is required and none is found.
        """
        validate_timeout(timeout)
        if self.agent_config is None:
            snapshot = self._capture_locally(timeout or DEFAULT_TIMEOUT_S)
        else:
            snapshot = deploy_and_get_snapshot(self.agent_config, timeout)
            if self.require_gpu:
                check_gpu_count(snapshot)
        if self.version:
            metadata = {**snapshot.metadata, "version": self.version}
            snapshot = replace(snapshot, metadata=metadata)
        if self.serializer is not None:
            self.serializer.serialize(snapshot)
        else:
            with _build_serializer(self.agent_config) as serializer:
                serializer.serialize(snapshot)

    def _capture_locally(self, timeout_s: float) -> Snapshot:
        factory = self.factory or default_factory(self.version)
        settings = CollectSettings(
            self.redaction, default_units=factory.systemd_services, profile=factory.profile
        )

        def capture(on_event: OnEvent) -> Snapshot:
            local = LocalCapture(
                timeout_s,
                os.environ,
                on_event,
                settings=settings,
                require_gpu=self.require_gpu,
            )
            return collect_locally(factory.collectors, factory.version, local)

        node_name = read_node_name(os.environ)
        return record_metrics(self.registry, node_name, capture, ignore_event)


def default_factory(
    version: str = "", systemd_services: Sequence[str] | None = None, profile: str = STANDARD
) -> Factory:
    """Return a factory of all collectors of a profile; InvalidRequest for an unknown one.

    `systemd_services`: None means the default units, an empty list containerd.service alone.
    """
    collectors = choose_collectors(CollectSettings(profile=profile))
    units = () if systemd_services is None else tuple(systemd_services) or ("containerd.service",)
    return Factory(version or __version__, collectors, units, profile)


def file_serializer(path: str) -> FileSerializer:
    """Return a serializer to a file, a ConfigMap (`cm://namespace/name`), or stdout (`-`, empty).

    The extension selects the format: `.yaml`, `.txt`, `.html`; others and stdout are JSON. A file
    is written atomically, readable by its owner only; Internal if it cannot be written.
    """
    return FileSerializer(path.strip())


def _build_serializer(config: AgentConfig | None) -> FileSerializer:
    """Return the serializer to the configuration's output, stdout for this machine."""
    if config is None:
        return file_serializer("-")
    serializer = file_serializer(config.output)
    serializer.connection = choose_connection(config)
    serializer.api_client = config.api_client
    serializer.template_path = config.template_path
    return serializer
