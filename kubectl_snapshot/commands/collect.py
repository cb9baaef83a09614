"""kubectl snapshot collect: collect on this machine; the agent runs this in its pod."""

from __future__ import annotations

import gc
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
from kubectl_snapshot.errors import EXIT_OK

if TYPE_CHECKING:
    import argparse

    from kubectl_snapshot.agent.config import OnEvent
    from kubectl_snapshot.document.snapshot import Snapshot


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
    gc.disable()  # what it makes has no cycles, and the process ends soon
    if args.run_id:
        collect_for_client(args, out)
    else:
        print_document(args, out)
    return EXIT_OK


def collect_for_client(args: argparse.Namespace, out: TextIO) -> None:
    """Write progress and the result frame, for the client that created this pod."""
    from kubectl_snapshot.agent.entrypoint import PodOptions, collect_in_pod

    options = PodOptions(
        run_id=args.run_id,
        host_root=args.host_root,
        reads_cluster=args.cluster_scope == "agent",
        timeout_s=parse_timeout(args.timeout),
        settings=parse_settings(args),
    )
    collect_in_pod(options, os.environ, out)


def print_document(args: argparse.Namespace, out: TextIO) -> None:
    """Print the snapshot of this machine as YAML."""
    from kubectl_snapshot.commands.console.progress import choose_progress
    from kubectl_snapshot.document.api_version import write_for
    from kubectl_snapshot.document.codec.yaml.codec import render_yaml

    on_event = choose_progress(args, sys.stderr)
    capture = partial(capture_locally, args, parse_timeout(args.timeout))
    if args.metrics_file:
        from kubectl_snapshot.collectors.run.local import read_node_name
        from kubectl_snapshot.collectors.run.timing import capture_with_metrics_file

        node_name = read_node_name(os.environ)
        snapshot = capture_with_metrics_file(args.metrics_file, node_name, capture, on_event)
    else:
        snapshot = capture(on_event)
    out.write(render_yaml(write_for(snapshot, args.api_version)))


def capture_locally(args: argparse.Namespace, timeout_s: float, on_event: OnEvent) -> Snapshot:
    from kubectl_snapshot.collectors.choose import choose_collectors
    from kubectl_snapshot.collectors.run.local import LocalCapture, collect_locally

    settings = parse_settings(args, on_event)
    collectors = choose_collectors(settings, require_gpu=args.require_gpu)
    local = LocalCapture(
        timeout_s,
        os.environ,
        on_event,
        host_root=args.host_root or "/",
        settings=settings,
        require_gpu=args.require_gpu,
    )
    return collect_locally(collectors, __version__, local)
