"""Capture one node: run the agent's Job, and read the cluster-wide facts in parallel."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.compose import (
    check_gpu_count,
    collect_redacted,
    compose_snapshot,
    describe_choice,
)
from kubectl_snapshot.collectors.run.context import (
    ALL_NAMESPACES,
    CLUSTER,
    NODE,
    Context,
    build_registry,
)
from kubectl_snapshot.document.snapshot import render_time
from kubectl_snapshot.errors import Internal, SnapshotError
from kubectl_snapshot.job.cleanup.deletion import render_cleanup_command
from kubectl_snapshot.job.frame.decode import FrameReader
from kubectl_snapshot.job.options import AGENT, CLIENT, RESTRICTED
from kubectl_snapshot.job.permissions import Permission
from kubectl_snapshot.job.preflight.gate import enforce_gate
from kubectl_snapshot.job.run import parse_result, run_agent
from kubectl_snapshot.job.run_state import RunState
from kubectl_snapshot.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.document.snapshot import Measurement, Snapshot
    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.settings import CollectSettings

T = TypeVar("T")
CANCEL_TICK_S = 0.1
# A kubelet reports its node every 10 s at most: an older object may be another than a read now.
NODE_AGE_S = 10.0
AGENT_MODE, AGENT_UNPRIVILEGED_MODE = "agent", "agent-unprivileged"


@dataclass(frozen=True)
class Capture:
    """A planned run. `expires` is the time by which the cluster has garbage-collected it.

    `deadline` is a time.monotonic() value; `on_event` may be called from any thread. `nodes` are
    those that preflight has read, at `nodes_read_at` (time.monotonic()).
    """

    kube: Kube
    options: JobOptions
    collectors: tuple[Collector, ...]
    deadline: float
    expires: str
    on_event: Callable[[Mapping[str, Any]], None]
    cleanup: bool = True
    cancel: threading.Event | None = None
    nodes: tuple[Mapping[str, Any], ...] = ()
    nodes_read_at: float = 0.0


def run_preflight(capture: Capture) -> Capture:
    """Check permissions by dry runs; return the capture with its cluster scope resolved.

    Raises Unauthorized naming every missing permission, NotFound, InvalidRequest.
    """
    began = time.monotonic()
    gate = run_cancellable(
        lambda: enforce_gate(capture.kube, capture.options, capture.deadline), capture.cancel
    )
    for warning in gate.warnings:
        capture.on_event({"event": "warning", "message": warning})
    # By the API server's clock: other clients compare it with theirs.
    expires = render_time(capture.kube.now() + gate.options.lifetime_s)
    return replace(
        capture, options=gate.options, expires=expires, nodes=gate.nodes, nodes_read_at=began
    )


def find_read_node(capture: Capture, name: str, now: float) -> Mapping[str, Any] | None:
    """Return the node as preflight has read it, None if that is too long ago."""
    if now - capture.nodes_read_at > NODE_AGE_S:
        return None
    return next((node for node in capture.nodes if node["metadata"]["name"] == name), None)


def run_capture(capture: Capture) -> Snapshot:
    """Run the agent's Job and return the snapshot; delete all objects of the run."""
    options = capture.options
    cluster = ClusterFacts(capture) if options.cluster_scope == CLIENT else None

    def on_scheduled(node_name: str) -> None:
        capture.on_event({"event": "scheduled", "node": node_name})
        gpu_nodes = () if options.node_name or options.node_selector else options.gpu_nodes
        if gpu_nodes and node_name not in gpu_nodes:
            message = f"node {node_name} has no GPU, as {gpu_nodes[0]} has: choose it with --node"
            capture.on_event({"event": "warning", "message": message})
        if cluster is not None:
            cluster.start(node_name)

    capture.on_event(
        {
            "event": "start",
            "run-id": options.run_id,
            "namespace": options.namespace,
            "job": options.name,
            "cluster-scope": options.cluster_scope,
            "cleanup": capture.kube.render_kubectl(render_cleanup_command(options)),
        }
    )
    types = {
        c.TYPE for c in capture.collectors if c.SCOPE == NODE or options.cluster_scope == AGENT
    }
    run = RunState(
        kube=capture.kube,
        options=options,
        deadline=capture.deadline,
        on_event=_filter_agent_events(capture, types),
        on_scheduled=on_scheduled,
        reader=FrameReader(options.run_id),
    )
    result = run_agent(run, capture.expires, capture.cleanup, capture.cancel)
    from kubectl_snapshot.document.schema import build_checks  # late: the pod has started

    checks = build_checks(build_registry(capture.collectors))
    agent = parse_result(result.payload, types, checks)
    snapshot = compose_snapshot(
        [*agent.measurements, *(cluster.wait() if cluster else ())],
        {
            **agent.metadata,
            # The node name comes from the API server: a node could state another.
            "source-node": result.node_name,
            "run-id": options.run_id,
            "mode": AGENT_UNPRIVILEGED_MODE if options.level == RESTRICTED else AGENT_MODE,
            "cluster-scope": options.cluster_scope,
            **describe_choice(options.settings, capture.collectors),
        },
        options.settings.redaction.key,
    )
    if options.require_gpu:
        check_gpu_count(snapshot)
    return snapshot


def run_cancellable(work: Callable[[], T], cancel: threading.Event | None) -> T:
    """Return the result of `work`, which only reads; raise KeyboardInterrupt if cancelled.

    It then goes on in its daemon thread until its own deadline.
    """
    if cancel is None:
        return work()
    results: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

    def call() -> None:
        result: T | BaseException = Internal("a thread of the capture crashed")
        try:
            result = work()
        except (SnapshotError, KeyboardInterrupt) as error:
            result = error
        finally:
            results.put(result)

    threading.Thread(target=call, name="cancellable", daemon=True).start()
    while not cancel.is_set():
        with contextlib.suppress(queue.Empty):
            result = results.get(timeout=CANCEL_TICK_S)
            if isinstance(result, BaseException):
                raise result
            return result
    raise KeyboardInterrupt


def build_reads(
    collectors: Sequence[Collector], settings: CollectSettings, is_optional: bool
) -> tuple[Permission, ...]:
    """Return the permissions that the cluster-wide collectors need, or the optional ones to grant.

    A cluster-wide permission has an empty namespace.
    """
    rights = [
        right
        for collector in collectors
        if collector.SCOPE == CLUSTER
        for right in collector.RIGHTS
        if settings.includes(right.profile)
    ]
    named = ["" if name == ALL_NAMESPACES else name for name in settings.helm_namespaces]
    return tuple(
        Permission(verb, right.group, right.resource, "", namespace, right.purpose)
        for right in rights
        if right.is_granted and right.is_optional == is_optional
        for namespace in (named if right.helm_only else [""])
        for verb in right.verbs
    )


def _filter_agent_events(
    capture: Capture, types: Container[str]
) -> Callable[[Mapping[str, Any]], None]:
    """Return the callback of the run's events without those of collectors that the pod has not."""

    def on_event(event: Mapping[str, Any]) -> None:
        if "collector" not in event or event["collector"] in types:
            capture.on_event(event)

    return on_event


class ClusterFacts:
    """Reads the cluster-wide facts with the user's credentials, once the node is known."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._is_done = threading.Event()
        self._measurements: tuple[Measurement, ...] = ()

    def start(self, node_name: str) -> None:
        thread = threading.Thread(
            target=self._collect, args=(node_name,), name="cluster facts", daemon=True
        )
        thread.start()

    def wait(self) -> tuple[Measurement, ...]:
        """Return the measurements; the collectors' deadlines limit the wait."""
        run_cancellable(self._is_done.wait, self._capture.cancel)
        return self._measurements

    def _collect(self, node_name: str) -> None:
        capture = self._capture
        collectors = [c for c in capture.collectors if c.SCOPE == CLUSTER]
        context = Context(
            host=HostPath(None),
            node_name=node_name,
            kube=capture.kube,
            settings=capture.options.settings,
            node=find_read_node(capture, node_name, time.monotonic()),
        )
        try:
            self._measurements = collect_redacted(
                collectors,
                context,
                capture.deadline,
                capture.on_event,
            )
        finally:
            self._is_done.set()
