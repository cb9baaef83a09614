"""Collect inside the agent's pod: progress lines and the result frame, both on stdout."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot import __version__
from kubectl_snapshot.clients.host.namespaces import locate_node
from kubectl_snapshot.collectors.run.compose import collect_snapshot, ensure_key
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.document.codec.json_codec import canonical_json
from kubectl_snapshot.document.redaction.values import OWN_KEY
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job.frame.encode import encode_frame, render_progress
from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.settings import CollectSettings


class PodOptions(NamedTuple):
    """Options of `collect` in the pod; `host_root` is empty if the node's root is not mounted."""

    run_id: str
    host_root: str
    reads_cluster: bool
    timeout_s: float
    settings: CollectSettings


def collect_in_pod(options: PodOptions, environment: Mapping[str, str], out: TextIO) -> None:
    """Collect on the pod's node; write progress lines, then the redacted document as a frame."""

    def write_progress(event: Mapping[str, object]) -> None:
        # On stdout like the frame: a container runtime keeps no order between two streams.
        out.write(render_progress(event) + "\n")
        out.flush()

    metadata = {"version": __version__}
    if not options.settings.redaction.key:
        metadata["redaction"] = OWN_KEY
    kube, kube_error = connect_from_pod(environment) if options.reads_cluster else (None, None)
    context = Context(
        host=locate_node(options.host_root),
        node_name=environment.get("NODE_NAME", ""),
        kube=kube,
        kube_error=kube_error,
        settings=ensure_key(options.settings),
    )
    collectors = load_collectors(options.settings, options.reads_cluster)
    snapshot = collect_snapshot(
        collectors, context, options.timeout_s, metadata, write_progress, stop_on_sigterm()
    )
    # Written at once, just before the exit: the log of an ended container is not rotated.
    frame = encode_frame(canonical_json(snapshot), options.run_id)
    out.write("".join(f"{line}\n" for line in frame))


def stop_on_sigterm() -> threading.Event:
    """Return an event that SIGTERM sets; the pod's deletion starts with it."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    return stop


def load_collectors(settings: CollectSettings, reads_cluster: bool) -> tuple[Collector, ...]:
    """Return the chosen collectors; import those of the cluster only if they are used."""
    if not reads_cluster:
        from kubectl_snapshot.collectors.node_collectors import load_node_collectors

        return tuple(load_node_collectors(settings).values())
    from kubectl_snapshot.collectors.choose import choose_collectors

    return choose_collectors(settings)


def connect_from_pod(
    environment: Mapping[str, str],
) -> tuple[Kube | None, SnapshotError | None]:
    """Return the client of the pod's ServiceAccount, or the error."""
    from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect

    try:
        return connect(ConnectionOptions(), environment), None
    except SnapshotError as error:
        return None, error
