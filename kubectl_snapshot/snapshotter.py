"""The public library: capture this machine, or nodes of a cluster through an agent.

A reading that fails does not fail the capture: the document has its status and reason. All errors
that are raised are subclasses of SnapshotError.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Protocol

from kubectl_snapshot import __version__
from kubectl_snapshot.agent.capture import run_capture, run_preflight
from kubectl_snapshot.agent.config import AgentConfig, ignore_event, validate_timeout
from kubectl_snapshot.agent.plan import choose_connection, plan_capture
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
from kubectl_snapshot.errors import InvalidRequest
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
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.agent.config import OnEvent
    from kubectl_snapshot.clients.kube.transport import ApiClient
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
        return _record_metrics(self.registry, node_name, capture, ignore_event)


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


def deploy_and_get_snapshot(
    config: AgentConfig | None,
    timeout: float | None = None,
    api_client: ApiClient | None = None,
) -> Snapshot:
    """Return the snapshot of a node of the cluster, captured by an agent; delete its objects.

    Blocks for at most `timeout` seconds (default: the configuration's), plus the cleanup. Raises
    InvalidRequest without a configuration, Unauthorized naming every missing permission, Timeout,
    or the cause that the agent did not run; KeyboardInterrupt once `cancel` is set.
    """
    if config is None:
        raise InvalidRequest("no agent configuration given")
    validate_timeout(timeout)
    if api_client is not None:
        config = replace(config, api_client=api_client)
    config = replace(config, timeout=timeout or config.timeout or DEFAULT_TIMEOUT_S)
    on_event = partial(log_event, config.on_event) if config.debug else config.on_event
    capture = partial(_run_agent, config)
    return _record_metrics(config.registry, config.node_name, capture, on_event)


def _run_agent(config: AgentConfig, on_event: OnEvent) -> Snapshot:
    return run_capture(run_preflight(plan_capture(replace(config, on_event=on_event))))


def log_event(on_event: OnEvent, event: Mapping[str, Any]) -> None:
    """Log an event to stderr as one line of JSON, then pass it on."""
    if sys.stderr is not None:  # as in a daemon
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{json.dumps(event)}\n")
    on_event(event)


def _record_metrics(
    registry: Registry | None,
    node_name: str,
    capture: Callable[[OnEvent], Snapshot],
    on_event: OnEvent,
) -> Snapshot:
    """Return the snapshot; a registry gets the durations, also if the capture fails."""
    if registry is None:
        return capture(on_event)
    from kubectl_snapshot.clients.metrics import ensure_registered
    from kubectl_snapshot.collectors.run.timing import capture_timed

    return capture_timed(capture, on_event, ensure_registered(registry).add, node_name)


def _build_serializer(config: AgentConfig | None) -> FileSerializer:
    """Return the serializer to the configuration's output, stdout for this machine."""
    if config is None:
        return file_serializer("-")
    serializer = file_serializer(config.output)
    serializer.connection = choose_connection(config)
    serializer.api_client = config.api_client
    serializer.template_path = config.template_path
    return serializer
