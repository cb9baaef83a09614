"""The public library: capture a node, here or by an agent in a cluster. The CLI is its thin user.

A capture never fails as a whole because one part could not be read: that part is in the document
with its status and reason. What raises is a SnapshotError: no cluster, no right, no result.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from kubectl_snapshot import __version__
from kubectl_snapshot.constants import (
    CONFIGMAP_SCHEME,
    DEFAULT_IMAGE,
    DEFAULT_TIMEOUT_S,
    FULL_API_VERSION,
)
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.document.snapshot import (
    Snapshot,
    gpu_count,
    new_snapshot,
    render_time,
)
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.job.selectors import (
    Toleration,
    default_tolerations,
    parse_node_selectors,
    parse_taint,
    parse_tolerations,
)
from kubectl_snapshot.settings import CollectSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.agent.capture import Capture
    from kubectl_snapshot.clients.kube.client import ConnectionOptions, Kube
    from kubectl_snapshot.clients.kube.transport import ApiClient
    from kubectl_snapshot.clients.metrics import Registry
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.job.options import JobOptions

    OnEvent = Callable[[Mapping[str, Any]], None]

__all__ = [
    "FULL_API_VERSION",
    "AgentConfig",
    "CollectSettings",
    "Factory",
    "NodeSnapshotter",
    "Redaction",
    "Serializer",
    "Snapshot",
    "Snapshotter",
    "default_factory",
    "default_tolerations",
    "deploy_and_get_snapshot",
    "file_serializer",
    "new_snapshot",
    "parse_node_selectors",
    "parse_taint",
    "parse_tolerations",
]


class Snapshotter(Protocol):
    """Whatever takes a snapshot and hands it to its serializer."""

    def measure(self, timeout: float | None = None) -> None: ...


class Serializer(Protocol):
    """Whatever takes a finished document."""

    def serialize(self, snapshot: Snapshot) -> None: ...


@dataclass(frozen=True)
class Factory:
    """Version and collectors of a capture; empty `systemd_services` mean the default units."""

    version: str
    collectors: tuple[Collector, ...]
    systemd_services: tuple[str, ...] = ()


def ignore_event(event: Mapping[str, Any]) -> None:
    """Take an event of a capture and do nothing with it."""


@dataclass(frozen=True)
class AgentConfig:
    """How the agent is deployed. The first group is the reference's, the second is ours.

    `timeout` is in seconds. `privileged` may be True, False or "host-read". `namespace` empty means
    the kubeconfig context's. `cleanup` False leaves the Job to its TTL. `collect` has the options
    of the collectors; `max_nodes_per_entry` is the reference's name for one of them and overrides
    it unless 0. `registry` is a CollectorRegistry of prometheus_client; None keeps no metrics.
    `api_client` is a kubernetes.client.ApiClient that sends all requests; of `connection` then only
    the namespace and the timeout count.
    """

    kubeconfig: str | None = None
    namespace: str = "default"
    image: str = DEFAULT_IMAGE
    image_pull_secrets: Sequence[str] = ()
    job_name: str = ""
    service_account_name: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Toleration] = default_tolerations()
    timeout: float = DEFAULT_TIMEOUT_S
    cleanup: bool = True
    output: str = "-"
    debug: bool = False
    privileged: bool | str = True
    require_gpu: bool = False
    template_path: str = ""
    max_nodes_per_entry: int = 0

    connection: ConnectionOptions | None = None
    api_client: ApiClient | None = field(default=None, repr=False)
    node_name: str = ""
    runtime_class: str = ""
    agent: str = "inject"
    cluster_scope: str = "auto"
    wait_for_schedule: bool = False
    ttl: int = 300
    pod_deadline_margin: int = 30
    job_deadline_margin: int = 60
    on_event: OnEvent = ignore_event
    cancel: threading.Event | None = None
    collect: CollectSettings = field(default_factory=CollectSettings)
    registry: Registry | None = None


@dataclass(frozen=True)
class NodeSnapshotter:
    """Captures one node: this machine, or with an `agent_config` a node of a cluster.

    `redaction` and `registry` are of this machine; an `agent_config` has its own.
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

        Raises NotFound, and writes nothing, where a GPU is required and the document counts none.
        """
        if self.agent_config is None:
            snapshot = self._measure_here(timeout or DEFAULT_TIMEOUT_S)
        else:
            snapshot = deploy_and_get_snapshot(self.agent_config, timeout)
            if self.require_gpu:
                check_gpu(snapshot)
        if self.serializer is not None:
            self.serializer.serialize(snapshot)
        else:
            serializer = file_serializer(self.agent_config.output if self.agent_config else "-")
            if self.agent_config is not None:
                serializer.connection = _choose_connection(self.agent_config)
                serializer.api_client = self.agent_config.api_client
                serializer.template_path = self.agent_config.template_path
            with serializer as file:
                file.serialize(snapshot)

    def _measure_here(self, timeout_s: float) -> Snapshot:
        from kubectl_snapshot.collectors.run.local import (
            LocalCapture,
            collect_locally,
            read_node_name,
        )

        factory = self.factory or default_factory(self.version)

        def take(on_event: OnEvent) -> Snapshot:
            settings = CollectSettings(self.redaction, systemd_services=factory.systemd_services)
            local = LocalCapture(timeout_s, os.environ, on_event, settings=settings)
            snapshot = collect_locally(factory.collectors, factory.version, local)
            if self.require_gpu:
                check_gpu(snapshot)
            return snapshot

        return _take_recorded(take, ignore_event, self.registry, read_node_name(os.environ))


@dataclass
class FileSerializer:
    """Writes each document over the one before; a context manager whose `close` ends it."""

    path: str
    is_closed: bool = False
    connection: ConnectionOptions | None = None
    template_path: str = ""
    api_client: ApiClient | None = None

    def serialize(self, snapshot: Snapshot) -> None:
        """Write the document, or what the template makes of it."""
        from kubectl_snapshot.clients.files.outputfile import write_whole

        if self.is_closed:
            raise InvalidRequest(f"the serializer to {self.path or 'stdout'} is closed")
        if self.path.startswith(CONFIGMAP_SCHEME) and not self.template_path:
            self._write_configmap(snapshot)
        elif self.path.startswith(CONFIGMAP_SCHEME):
            raise InvalidRequest(f"no template is written to {self.path}")
        elif self.path in ("", "-"):
            sys.stdout.write(self._render(snapshot, "json"))
        else:
            write_whole(self.path, self._render(snapshot))

    def _render(self, snapshot: Snapshot, format_name: str = "") -> str:
        from kubectl_snapshot.render.all_renderers import RENDERERS, format_from_path

        if not self.template_path:
            return RENDERERS[format_name or format_from_path(self.path)](snapshot)
        from kubectl_snapshot.render.user_template import render_user_template
        from kubectl_snapshot.storage.source import read_template

        return render_user_template(read_template(self.template_path), snapshot, self.path)

    def _write_configmap(self, snapshot: Snapshot) -> None:
        from kubectl_snapshot.clients.kube.client import ConnectionOptions
        from kubectl_snapshot.storage.configmap import DEFAULT_FORMAT, parse_place, write_configmap

        place = parse_place(self.path)
        kube = _connect(self.connection or ConnectionOptions(), self.api_client)
        write_configmap(snapshot, place, DEFAULT_FORMAT, kube)

    def close(self) -> None:
        """Refuse further documents."""
        self.is_closed = True

    def __enter__(self) -> FileSerializer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def default_factory(version: str = "", systemd_services: Sequence[str] | None = None) -> Factory:
    """Return a factory of all collectors.

    `systemd_services`: None means the default units, an empty list containerd.service alone.
    """
    from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS

    collectors = tuple(ALL_COLLECTORS.values())
    units = () if systemd_services is None else tuple(systemd_services) or ("containerd.service",)
    return Factory(version or __version__, collectors, units)


def file_serializer(path: str) -> FileSerializer:
    """Return a serializer to a file, a ConfigMap (`cm://namespace/name`), or stdout (`-`, empty).

    The format is the path's: `.yaml`, `.txt`, `.html`, any other and stdout JSON. A file is written
    whole or not at all, readable by its owner only; Internal where it cannot be written.
    """
    return FileSerializer(path.strip())


def deploy_and_get_snapshot(
    config: AgentConfig | None,
    timeout: float | None = None,
    api_client: ApiClient | None = None,
) -> Snapshot:
    """Return the snapshot that an agent on a node of the cluster takes; leave nothing behind.

    Blocks for `timeout` seconds at most (default: the configuration's), plus the clean-up. Raises
    InvalidRequest without a configuration, Unauthorized naming every missing permission, Timeout,
    or the diagnosis of what kept the agent from running; KeyboardInterrupt once `cancel` is set.
    """
    if config is None:
        raise InvalidRequest("no agent configuration is given")
    if api_client is not None:
        config = replace(config, api_client=api_client)
    take = partial(_run_agent, replace(config, timeout=timeout or config.timeout))
    return _take_recorded(take, config.on_event, config.registry, config.node_name)


def _run_agent(config: AgentConfig, on_event: OnEvent) -> Snapshot:
    from kubectl_snapshot.agent.capture import pass_gate, run_capture

    capture = plan_capture(replace(config, on_event=on_event))
    snapshot = run_capture(pass_gate(capture))
    if config.require_gpu:
        check_gpu(snapshot)
    return snapshot


def _take_recorded(
    take: Callable[[OnEvent], Snapshot], on_event: OnEvent, registry: Registry | None, node: str
) -> Snapshot:
    """Return what `take` returns; a registry is told how long it took, also where it raises."""
    if registry is None:
        return take(on_event)
    from kubectl_snapshot.clients.metrics import ensure_registered
    from kubectl_snapshot.collectors.run.timing import take_timed

    return take_timed(take, on_event, ensure_registered(registry).add, node)


def plan_capture(config: AgentConfig) -> Capture:
    """Return the run that a configuration asks for, its cluster scope as asked; contact nobody."""
    from kubectl_snapshot.agent.capture import Capture
    from kubectl_snapshot.collectors.choose import choose_collectors
    from kubectl_snapshot.job.options import SKIP

    deadline = time.monotonic() + config.timeout
    kube = _connect(_choose_connection(config), config.api_client)
    options = build_job_options(config, kube.namespace)
    life = config.timeout + config.job_deadline_margin + config.ttl
    return Capture(
        kube=kube,
        options=options,
        collectors=choose_collectors(options.settings, options.cluster_scope != SKIP),
        deadline=deadline,
        expires=render_time(time.time() + life),
        on_event=config.on_event,
        cleanup=config.cleanup,
        cancel=config.cancel,
    )


def build_job_options(config: AgentConfig, namespace: str) -> JobOptions:
    """Return the run's options; raise InvalidRequest for what does not go together."""
    from kubectl_snapshot.agent.capture import build_reads
    from kubectl_snapshot.clients.files.zipapp import read_zipapp
    from kubectl_snapshot.collectors.choose import choose_collectors
    from kubectl_snapshot.collectors.run.compose import ensure_key
    from kubectl_snapshot.collectors.run.context import CLUSTER
    from kubectl_snapshot.job.options import INJECT, LEVELS, SKIP, JobOptions, Zipapp, new_run_id

    if config.privileged not in LEVELS:
        raise InvalidRequest(
            f"{config.privileged!r} is no privilege level",
            hint="use --privileged=true, --privileged=host-read or --privileged=false",
        )
    check_gpu_request(config.require_gpu, config.runtime_class)
    if config.template_path:
        from kubectl_snapshot.storage.source import read_template

        read_template(config.template_path)
    settings = ensure_key(choose_settings(config))
    collectors = choose_collectors(settings, config.cluster_scope != SKIP, config.require_gpu)
    reads_cluster = any(collector.SCOPE == CLUSTER for collector in collectors)
    required_reads = build_reads(collectors, settings.helm_namespaces, is_optional=False)
    return JobOptions(
        run_id=new_run_id(os.urandom(8)),
        namespace=namespace,
        job_name=config.job_name,
        image=config.image,
        image_pull_secrets=tuple(config.image_pull_secrets),
        service_account_name=config.service_account_name,
        node_name=config.node_name,
        node_selector=config.node_selector,
        tolerations=tuple(config.tolerations),
        timeout_s=config.timeout,
        level=LEVELS[config.privileged],
        require_gpu=config.require_gpu,
        runtime_class=config.runtime_class,
        agent=config.agent,
        zipapp=Zipapp(*read_zipapp(os.environ)) if config.agent == INJECT else None,
        cluster_scope=config.cluster_scope if reads_cluster else SKIP,
        reads=required_reads + build_reads(collectors, settings.helm_namespaces, is_optional=True),
        required_reads=required_reads,
        settings=settings,
        wait_for_schedule=config.wait_for_schedule,
        ttl_s=config.ttl,
        pod_deadline_margin_s=config.pod_deadline_margin,
        job_deadline_margin_s=config.job_deadline_margin,
    )


def _choose_connection(config: AgentConfig) -> ConnectionOptions:
    from kubectl_snapshot.clients.kube.client import ConnectionOptions

    connection = config.connection or ConnectionOptions()
    return replace(
        connection,
        kubeconfig=config.kubeconfig or connection.kubeconfig,
        namespace=config.namespace or connection.namespace,
    )


def _connect(options: ConnectionOptions, api_client: ApiClient | None) -> Kube:
    from kubectl_snapshot.clients.kube.client import connect, use_api_client

    return use_api_client(api_client, options) if api_client else connect(options, os.environ)


def choose_settings(config: AgentConfig) -> CollectSettings:
    """Return the options of the collectors; InvalidRequest for an invalid one."""
    from kubectl_snapshot.collectors.kubernetes.helm import parse_namespaces
    from kubectl_snapshot.collectors.systemd import parse_units

    collect = config.collect
    return replace(
        collect,
        helm_namespaces=parse_namespaces(collect.helm_namespaces),
        systemd_services=parse_units(collect.systemd_services),
        max_nodes_per_entry=config.max_nodes_per_entry or collect.max_nodes_per_entry,
    )


def check_gpu_request(require_gpu: bool, runtime_class: str) -> None:
    """Raise InvalidRequest where a GPU is asked for in both of the ways that exclude each other."""
    if require_gpu and runtime_class:
        raise InvalidRequest(
            "--require-gpu and --runtime-class do not go together",
            why="the device plugin gives the pod one GPU, the runtime class all of them",
            hint="leave one of them out",
        )


def check_gpu(snapshot: Snapshot) -> None:
    """Raise NotFound unless some GPU subtype counts at least one GPU."""
    if not gpu_count(snapshot):
        node = snapshot.metadata.get("source-node", "") or "this machine"
        subtypes = [s for m in snapshot.measurements if m.type == "GPU" for s in m.subtypes]
        reasons = (s.context["reason"] for s in subtypes if "reason" in s.context)
        raise NotFound(
            f"no GPU was found on {node}",
            why=next(reasons, "no GPU subtype of the snapshot has a gpu-count above 0"),
            hint="pass another node, or leave --require-gpu out",
        )
