"""kubectl snapshot collect: collect on this machine. The agent's entrypoint; runs by hand too."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot import __version__
from kubectl_snapshot.commands.flags.collect import (
    add_collect_flags,
    add_redaction_flags,
    parse_settings,
)
from kubectl_snapshot.commands.flags.parser import Parser, add_flag, new_parser
from kubectl_snapshot.commands.flags.shared import (
    add_api_version_flag,
    add_gpu_flag,
    add_log_flags,
    add_metrics_flag,
    parse_timeout,
)
from kubectl_snapshot.errors import EXIT_OK, SnapshotError

if TYPE_CHECKING:
    import argparse
    import threading
    from collections.abc import Mapping

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.collectors.run.context import Collector
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.snapshotter import OnEvent


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot collect",
        "Collect on this machine and print the snapshot; the agent runs this in its pod.",
        usage="kubectl snapshot collect [flags]",
    )
    add_flag(
        parser,
        "--timeout",
        variable=False,
        metavar="TIME",
        default="5m",
        help="overall time limit (default: 5m)",
    )
    add_flag(
        parser,
        "--host-root",
        variable=False,
        metavar="DIR",
        default="",
        help="mount point of the node's root (default: /; agent: none)",
    )
    add_agent_flags(parser)
    add_collect_flags(parser)
    add_gpu_flag(parser)
    add_metrics_flag(parser)
    add_api_version_flag(parser)
    add_redaction_flags(parser)
    add_log_flags(parser)
    return parser


def add_agent_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that the client passes to its agent."""
    add_flag(
        parser,
        "--run-id",
        variable=False,
        metavar="ID",
        default="",
        help="run id; print a result frame for the client",
    )
    add_flag(
        parser,
        "--level",
        variable=False,
        choices=("privileged", "host-read", "restricted"),
        default="",
        help="privilege level of the pod",
    )
    add_flag(
        parser,
        "--cluster-scope",
        variable=False,
        choices=("agent", "client", "skip"),
        default="agent",
        help="agent: also read the cluster-wide facts (default: agent)",
    )


def run(args: argparse.Namespace, out: TextIO) -> int:
    timeout_s = parse_timeout(args.timeout)
    if args.run_id:
        collect_for_client(args, timeout_s, out)
    else:
        collect_by_hand(args, timeout_s, out)
    return EXIT_OK


def collect_by_hand(args: argparse.Namespace, timeout_s: float, out: TextIO) -> None:
    """Print the document of this machine."""
    from dataclasses import replace

    from kubectl_snapshot.commands.progress import choose_progress
    from kubectl_snapshot.document.codec.yaml_codec import render_yaml

    on_event = choose_progress(args, sys.stderr)
    take = partial(take_here, args, timeout_s)
    if args.metrics_file:
        from kubectl_snapshot.collectors.run.local import read_node_name
        from kubectl_snapshot.commands.metrics_file import take_and_write

        node_name = read_node_name(os.environ)
        snapshot = take_and_write(args.metrics_file, node_name, take, on_event)
    else:
        snapshot = take(on_event)
    out.write(render_yaml(replace(snapshot, api_version=args.api_version)))


def take_here(args: argparse.Namespace, timeout_s: float, on_event: OnEvent) -> Snapshot:
    from kubectl_snapshot.collectors.choose import choose_collectors
    from kubectl_snapshot.collectors.run.local import LocalCapture, collect_locally
    from kubectl_snapshot.snapshotter import check_gpu

    settings = parse_settings(args, on_event)
    collectors = choose_collectors(settings, require_gpu=args.require_gpu)
    local = LocalCapture(
        timeout_s,
        os.environ,
        on_event,
        host_root=args.host_root or "/",
        settings=settings,
    )
    snapshot = collect_locally(collectors, __version__, local)
    if args.require_gpu:
        check_gpu(snapshot)
    return snapshot


def collect_for_client(args: argparse.Namespace, timeout_s: float, out: TextIO) -> None:
    """Write progress and then the framed document of the node that this pod runs on."""
    from kubectl_snapshot.collectors.run.compose import collect_snapshot, ensure_key
    from kubectl_snapshot.collectors.run.context import Context
    from kubectl_snapshot.document.codec.json_codec import canonical_json
    from kubectl_snapshot.document.redaction.values import OWN_KEY
    from kubectl_snapshot.job.frame import encode_frame, render_progress

    def tell(event: Mapping[str, object]) -> None:
        # The same stream as the frame: the runtime keeps no order between two.
        out.write(render_progress(event) + "\n")
        out.flush()

    settings = parse_settings(args)
    metadata = {"version": __version__}
    if settings.redaction.is_on and not settings.redaction.key:
        metadata["redaction"] = OWN_KEY
    reads_cluster = args.cluster_scope == "agent"
    kube, kube_error = connect_from_pod() if reads_cluster else (None, None)
    context = Context(
        host=see_host(args.level, args.host_root),
        node_name=os.environ.get("NODE_NAME", ""),
        kube=kube,
        kube_error=kube_error,
        settings=ensure_key(settings),
    )
    collectors = read_collectors(reads_cluster)
    chosen = [c for c in collectors.values() if settings.collects(c.TYPE)]
    stop = stop_on_sigterm()
    snapshot = collect_snapshot(chosen, context, timeout_s, metadata, tell, stop)
    # One burst, and then at once the end: an ended container's log is not rotated.
    out.write("".join(f"{line}\n" for line in encode_frame(canonical_json(snapshot), args.run_id)))


def stop_on_sigterm() -> threading.Event:
    """Return what SIGTERM sets, with which a pod's deletion begins: then what is there is sent."""
    import signal
    import threading

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    return stop


def read_collectors(reads_cluster: bool) -> Mapping[str, Collector]:
    """Return the table of collectors; importing the cluster's costs a pod that needs none."""
    if not reads_cluster:
        from kubectl_snapshot.collectors.node_collectors import NODE_COLLECTORS

        return NODE_COLLECTORS
    from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS

    return ALL_COLLECTORS


def connect_from_pod() -> tuple[Kube | None, SnapshotError | None]:
    """Return the client of the pod's service account, or why there is none."""
    from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect

    try:
        return connect(ConnectionOptions(), os.environ), None
    except SnapshotError as error:
        return None, error


def see_host(level: str, host_root: str) -> HostPath:
    """Return how the node is seen from a pod of this level (job/manifest.py has its namespaces)."""
    from kubectl_snapshot.clients.host.hostpath import HostPath

    return HostPath(
        root=host_root or None,
        shares_network=level != "restricted",
        shares_ipc=level != "restricted",
        shares_pid=level == "privileged",
    )
