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
from typing import TYPE_CHECKING, Any, Protocol

from kubectl_snapshot import __version__
from kubectl_snapshot.constants import DEFAULT_IMAGE, DEFAULT_TIMEOUT_S, FULL_API_VERSION
from kubectl_snapshot.document.snapshot import (
    Snapshot,
    gaps,
    gpu_count,
    in_order,
    new_snapshot,
    render_time,
)
from kubectl_snapshot.errors import InvalidRequest, NotFound, SnapshotError
from kubectl_snapshot.job.selectors import (
    Toleration,
    default_tolerations,
    parse_node_selectors,
    parse_taint,
    parse_tolerations,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.clients.hostpath import HostPath
    from kubectl_snapshot.clients.kube import ConnectionOptions, Kube
    from kubectl_snapshot.collectors.context import Collector, Context
    from kubectl_snapshot.document.snapshot import Measurement
    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.permissions import Permission

    OnEvent = Callable[[Mapping[str, Any]], None]

__all__ = [
    "FULL_API_VERSION",
    "AgentConfig",
    "Factory",
    "NodeSnapshotter",
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

LOCAL, AGENT_MODE, AGENT_UNPRIVILEGED = "local", "agent", "agent-unprivileged"


class Snapshotter(Protocol):
    """Whatever takes a snapshot and hands it to its serializer."""

    def measure(self, timeout: float | None = None) -> None: ...


class Serializer(Protocol):
    """Whatever takes a finished document."""

    def serialize(self, snapshot: Snapshot) -> None: ...


@dataclass(frozen=True)
class Factory:
    """What is collected. `systemd_services` None means the default units."""

    version: str
    collectors: tuple[Collector, ...]
    systemd_services: tuple[str, ...] | None = None


def ignore_event(event: Mapping[str, Any]) -> None:
    """Take an event of a capture and do nothing with it."""


@dataclass(frozen=True)
class AgentConfig:
    """How the agent is deployed. The first group is the reference's, the second is ours.

    `timeout` is in seconds. `privileged` may be True, False or "host-read". `namespace` empty means
    the kubeconfig context's. `cleanup` False leaves the Job to its TTL.
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
    node_name: str = ""
    runtime_class: str = ""
    agent: str = "inject"
    cluster_scope: str = "auto"
    ttl: int = 300
    pod_deadline_margin: int = 30
    job_deadline_margin: int = 60
    on_event: OnEvent = ignore_event
    cancel: threading.Event | None = None


@dataclass(frozen=True)
class NodeSnapshotter:
    """Captures one node: this machine, or with an `agent_config` a node of a cluster."""

    version: str = ""
    factory: Factory | None = None
    serializer: Serializer | None = None
    agent_config: AgentConfig | None = None
    require_gpu: bool = False

    def measure(self, timeout: float | None = None) -> None:
        """Capture within `timeout` seconds and serialize; the default is JSON to stdout.

        Raises NotFound, and writes nothing, where a GPU is required and the document counts none.
        """
        factory = self.factory or default_factory(self.version)
        if self.agent_config is None:
            snapshot = collect_here(factory, timeout or DEFAULT_TIMEOUT_S)
        else:
            snapshot = deploy_and_get_snapshot(self.agent_config, timeout)
        if self.require_gpu:
            check_gpu(snapshot)
        if self.serializer is not None:
            self.serializer.serialize(snapshot)
        else:
            with file_serializer(self.agent_config.output if self.agent_config else "-") as file:
                file.serialize(snapshot)


@dataclass
class FileSerializer:
    """Writes each document over the one before; a context manager whose `close` ends it."""

    path: str
    is_closed: bool = False

    def serialize(self, snapshot: Snapshot) -> None:
        """Write the document."""
        from kubectl_snapshot.clients.outputfile import write_whole
        from kubectl_snapshot.document.destination import format_from_path
        from kubectl_snapshot.render.all_renderers import RENDERERS

        if self.is_closed:
            raise InvalidRequest(f"the serializer to {self.path or 'stdout'} is closed")
        if self.path in ("", "-"):
            sys.stdout.write(RENDERERS["json"](snapshot))
            return
        chosen = format_from_path(self.path)
        if chosen not in RENDERERS:
            raise InvalidRequest(f"this version cannot write the format {chosen} of {self.path}")
        write_whole(self.path, RENDERERS[chosen](snapshot))

    def close(self) -> None:
        """Refuse further documents."""
        self.is_closed = True

    def __enter__(self) -> FileSerializer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def default_factory(version: str = "", systemd_services: Sequence[str] | None = None) -> Factory:
    """Return the factory of all collectors; an empty list of units means containerd alone."""
    from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS

    services = None if systemd_services is None else tuple(systemd_services)
    if services == ():
        services = ("containerd.service",)
    return Factory(version or __version__, tuple(ALL_COLLECTORS.values()), services)


def file_serializer(path: str) -> FileSerializer:
    """Return a serializer to a file, or to stdout for `-` and the empty path.

    The format is the path's (`.yaml`, `.json`; JSON on stdout). A file is written whole or not at
    all, readable by its owner only; Internal where it cannot be written.
    """
    return FileSerializer(path.strip())


def deploy_and_get_snapshot(config: AgentConfig | None, timeout: float | None = None) -> Snapshot:
    """Return the snapshot that an agent on a node of the cluster takes; leave nothing behind.

    Blocks for `timeout` seconds at most (default: the configuration's), plus the clean-up. Raises
    InvalidRequest without a configuration, Unauthorized naming every missing permission, Timeout,
    or the diagnosis of what kept the agent from running; KeyboardInterrupt once `cancel` is set.
    """
    if config is None:
        raise InvalidRequest("no agent configuration is given")
    snapshot = run_capture(prepare_capture(replace(config, timeout=timeout or config.timeout)))
    if config.require_gpu:
        check_gpu(snapshot)
    return snapshot


@dataclass(frozen=True)
class Capture:
    """One run about to start: allowed, its cluster scope decided, nothing written yet."""

    config: AgentConfig
    kube: Kube
    options: JobOptions
    collectors: tuple[Collector, ...]
    deadline: float
    expires: str


def prepare_capture(config: AgentConfig) -> Capture:
    """Return the run that a configuration asks for, after the permission gate; write nothing."""
    from kubectl_snapshot.job.preflight import check_permissions

    capture = plan_capture(config)
    gate = check_permissions(capture.kube, capture.options, capture.deadline)
    for warning in gate.warnings:
        config.on_event({"event": "warning", "message": warning})
    return replace(capture, options=gate.options)


def plan_capture(config: AgentConfig) -> Capture:
    """Return the run that a configuration asks for, its cluster scope as asked; contact nobody."""
    from kubectl_snapshot.clients.kube import ConnectionOptions, connect

    deadline = time.monotonic() + config.timeout
    connection = config.connection or ConnectionOptions()
    kube = connect(
        replace(
            connection,
            kubeconfig=config.kubeconfig or connection.kubeconfig,
            namespace=config.namespace or connection.namespace,
        ),
        os.environ,
    )
    collectors = default_factory().collectors
    options = build_job_options(config, kube.namespace, collectors)
    life = config.timeout + config.job_deadline_margin + config.ttl
    return Capture(config, kube, options, collectors, deadline, render_time(time.time() + life))


def build_job_options(
    config: AgentConfig, namespace: str, collectors: Sequence[Collector]
) -> JobOptions:
    """Return the run's options; raise InvalidRequest for what does not go together."""
    from kubectl_snapshot.clients.zipapp import read_zipapp
    from kubectl_snapshot.job.options import INJECT, LEVELS, JobOptions, Zipapp, new_run_id

    if config.privileged not in LEVELS:
        raise InvalidRequest(
            f"{config.privileged!r} is no privilege level",
            hint="use --privileged=true, --privileged=host-read or --privileged=false",
        )
    if config.template_path or config.max_nodes_per_entry:
        raise InvalidRequest("template_path and max_nodes_per_entry have no effect in this version")
    zipapp = None
    if config.agent == INJECT:
        content, sha256 = read_zipapp(os.environ)
        zipapp = Zipapp(content, sha256)
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
        zipapp=zipapp,
        cluster_scope=config.cluster_scope,
        reads=build_reads(collectors),
        ttl_s=config.ttl,
        pod_deadline_margin_s=config.pod_deadline_margin,
        job_deadline_margin_s=config.job_deadline_margin,
    )


def build_reads(collectors: Sequence[Collector]) -> tuple[Permission, ...]:
    """Return what the cluster-wide collectors need of whoever reads for them."""
    from kubectl_snapshot.collectors.context import CLUSTER
    from kubectl_snapshot.job.permissions import Permission

    return tuple(
        Permission(verb, rule.group, rule.resource)
        for collector in collectors
        if collector.SCOPE == CLUSTER
        for rule in collector.RULES
        for verb in rule.verbs
    )


def run_capture(capture: Capture) -> Snapshot:
    """Return the snapshot of one prepared run.

    Where the client reads the cluster-wide facts, it does so while the pod starts.
    """
    from kubectl_snapshot.collectors.context import NODE
    from kubectl_snapshot.document.frame import FrameReader
    from kubectl_snapshot.job.follow import Run
    from kubectl_snapshot.job.options import AGENT, CLIENT, RESTRICTED
    from kubectl_snapshot.job.retrieve import parse_result
    from kubectl_snapshot.job.run import run_agent

    options, config = capture.options, capture.config
    config.on_event(
        {
            "event": "start",
            "run-id": options.run_id,
            "namespace": options.namespace,
            "job": options.name,
            "cluster-scope": options.cluster_scope,
        }
    )
    cluster = _ClusterPart(capture) if options.cluster_scope == CLIENT else None

    def on_scheduled(node_name: str) -> None:
        config.on_event({"event": "scheduled", "node": node_name})
        if cluster is not None:
            cluster.start(node_name)

    run = Run(
        kube=capture.kube,
        options=options,
        deadline=capture.deadline,
        on_event=config.on_event,
        on_scheduled=on_scheduled,
        reader=FrameReader(options.run_id),
    )
    result = run_agent(run, capture.expires, config.cleanup, config.cancel)
    types = {
        c.TYPE for c in capture.collectors if c.SCOPE == NODE or options.cluster_scope == AGENT
    }
    agent = parse_result(result.payload, types)
    return compose_snapshot(
        [*agent.measurements, *(cluster.wait() if cluster else ())],
        {
            **agent.metadata,
            # What the API server says of the pod counts, not what a node says of itself.
            "source-node": result.node_name,
            "run-id": options.run_id,
            "mode": AGENT_UNPRIVILEGED if options.level == RESTRICTED else AGENT_MODE,
            "cluster-scope": options.cluster_scope,
        },
    )


class _ClusterPart:
    """The cluster-wide facts, read by the client itself as soon as the node's name is known."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._done = threading.Event()
        self._measurements: tuple[Measurement, ...] = ()

    def start(self, node_name: str) -> None:
        thread = threading.Thread(
            target=self._collect, args=(node_name,), name="cluster facts", daemon=True
        )
        thread.start()

    def wait(self) -> tuple[Measurement, ...]:
        """Return the measurements; the runner's own deadlines bound the wait."""
        self._done.wait()
        return self._measurements

    def _collect(self, node_name: str) -> None:
        from kubectl_snapshot.clients.hostpath import HostPath
        from kubectl_snapshot.collectors.context import CLUSTER, Context
        from kubectl_snapshot.collectors.runner import run_collectors

        capture = self._capture
        collectors = [c for c in capture.collectors if c.SCOPE == CLUSTER]
        context = Context(host=HostPath(None), node_name=node_name, kube=capture.kube)
        try:
            self._measurements = run_collectors(
                collectors, context, capture.deadline, capture.config.on_event
            )
        finally:
            self._done.set()


def collect_here(
    factory: Factory,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    connection: ConnectionOptions | None = None,
    on_event: OnEvent = ignore_event,
) -> Snapshot:
    """Return the snapshot of this machine, its Kubernetes parts where a kubeconfig works."""
    from kubectl_snapshot.clients.hostpath import HostPath
    from kubectl_snapshot.clients.kube import ConnectionOptions, connect
    from kubectl_snapshot.collectors.context import Context
    from kubectl_snapshot.collectors.kubernetes_cluster import detect_node_name

    environment = os.environ if environment is None else environment
    kube: Kube | None = None
    kube_error: SnapshotError | None = None
    try:
        kube = connect(connection or ConnectionOptions(), environment)
    except SnapshotError as error:
        kube_error = error
    context = Context(
        host=HostPath("/"),
        node_name=detect_node_name(environment) or os.uname().nodename,
        kube=kube,
        kube_error=kube_error,
        systemd_services=factory.systemd_services,
    )
    return collect_snapshot(factory, context, timeout, {"mode": LOCAL}, on_event)


def collect_in_pod(
    factory: Factory,
    host: HostPath,
    timeout: float,
    environment: Mapping[str, str],
    metadata: Mapping[str, str],
    with_cluster: bool,
    on_event: OnEvent,
) -> Snapshot:
    """Return what the agent sees of its node, and of the cluster where it has the rights for it."""
    from kubectl_snapshot.collectors.context import NODE, Context

    kube: Kube | None = None
    kube_error: SnapshotError | None = None
    if with_cluster:
        from kubectl_snapshot.clients.kube import ConnectionOptions, connect

        try:
            kube = connect(ConnectionOptions(), environment)
        except SnapshotError as error:
            kube_error = error
    else:
        collectors = tuple(c for c in factory.collectors if c.SCOPE == NODE)
        factory = replace(factory, collectors=collectors)
    context = Context(
        host=host,
        node_name=environment.get("NODE_NAME", ""),
        kube=kube,
        kube_error=kube_error,
        systemd_services=factory.systemd_services,
    )
    return collect_snapshot(factory, context, timeout, metadata, on_event)


def collect_snapshot(
    factory: Factory,
    context: Context,
    timeout: float,
    metadata: Mapping[str, str],
    on_event: OnEvent,
) -> Snapshot:
    """Return the document of all the factory's collectors, run at once within `timeout` seconds."""
    from kubectl_snapshot.collectors.runner import run_collectors

    measurements = run_collectors(factory.collectors, context, time.monotonic() + timeout, on_event)
    return compose_snapshot(
        measurements,
        {
            "source-node": context.node_name,
            "timestamp": render_time(time.time()),
            "version": factory.version,
            **metadata,
        },
    )


def compose_snapshot(measurements: Sequence[Measurement], metadata: Mapping[str, str]) -> Snapshot:
    """Return the document with its measurements in order and its gaps named in the metadata."""
    snapshot = Snapshot(metadata, in_order(tuple(measurements)))
    found = ",".join(gaps(snapshot))
    known = {name: value for name, value in metadata.items() if name != "gaps"}
    return replace(snapshot, metadata={**known, "gaps": found} if found else known)


def check_gpu(snapshot: Snapshot) -> None:
    """Raise NotFound unless some GPU subtype counts at least one GPU."""
    if not gpu_count(snapshot):
        node = snapshot.metadata.get("source-node", "") or "this machine"
        raise NotFound(
            f"no GPU was found on {node}",
            why="no GPU subtype of the snapshot has a gpu-count above 0",
            hint="pass another node, or leave --require-gpu out",
        )
