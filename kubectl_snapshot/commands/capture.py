"""kubectl snapshot [capture]: capture a node of a cluster through an agent, or this machine."""

from __future__ import annotations

import gc
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot import __version__
from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.commands.flags.capture import (
    add_agent_flags,
    add_target_flags,
    choose_node,
    parse_config,
    refuse_local_node,
)
from kubectl_snapshot.commands.flags.collect import parse_settings
from kubectl_snapshot.commands.flags.connection import (
    add_connection_flags,
    connect_with,
    parse_connection,
)
from kubectl_snapshot.commands.flags.fleet import add_fleet_flags, is_fleet
from kubectl_snapshot.commands.flags.parser import Parser, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags, parse_timeout
from kubectl_snapshot.commands.output import (
    Output,
    add_document_flags,
    check_outputs,
    load_renderers,
    parse_outputs,
)
from kubectl_snapshot.records import replace
from kubectl_snapshot.render.all_renderers import SUMMARY

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.agent.config import AgentConfig, OnEvent
    from kubectl_snapshot.document.snapshot import Snapshot

EXAMPLES = """\
  # Capture one node and print YAML
  kubectl snapshot --node gpu-17

  # Capture a node of the pool into a file
  kubectl snapshot --node-selector pool=gpu -o snap.json

  # Capture with a pod that satisfies Pod Security "restricted"
  kubectl snapshot --node gpu-17 --privileged=false

  # Capture this machine, without a cluster
  kubectl snapshot --local
"""


def build_parser() -> Parser:
    commands = "\n".join(f"  {name:12}{text}" for name, (_, text) in COMMANDS.items())
    parser = new_parser(
        "kubectl snapshot",
        "Record the configuration of a Kubernetes node and its cluster in one document.",
        usage="kubectl snapshot [COMMAND] [flags]",
        examples=EXAMPLES,
        epilog=f"commands:\n{commands}",
    )
    add_target_flags(parser)
    add_fleet_flags(parser)
    add_agent_flags(parser)
    add_document_flags(parser)
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.commands.console.progress import choose_progress

    if args.require_gpu and args.runtime_class:
        from kubectl_snapshot.agent.config import check_gpu_request

        check_gpu_request(args.require_gpu, args.runtime_class)
    if is_fleet(args):
        from kubectl_snapshot.commands.fleet.capture import run_fleet

        return run_fleet(args)
    outputs = parse_outputs(args.output, args.format, template=args.template)
    on_event = choose_progress(args, sys.stderr)
    if args.dry_run and not args.local:
        from kubectl_snapshot.commands.dry_run import run_dry

        return run_dry(parse_config(args, on_event), args.dry_run, outputs, out)
    if out.isatty() and not (args.output or args.format or args.template):
        outputs = (Output(SUMMARY),)
    snapshot = capture_measured(args, partial(capture, args, outputs), on_event)
    on_event({"event": "done"})
    from kubectl_snapshot.commands.capture_result import write_result

    return write_result(args, snapshot, outputs, on_event, out)


def capture_measured(
    args: argparse.Namespace, capture: Callable[[OnEvent], Snapshot], on_event: OnEvent
) -> Snapshot:
    """Return the snapshot of `capture`; write its durations to --metrics-file."""
    if not args.metrics_file:
        return capture(on_event)
    from kubectl_snapshot.collectors.run.local import read_node_name
    from kubectl_snapshot.collectors.run.timing import capture_with_metrics_file

    node_name = read_node_name(os.environ) if args.local else choose_node(args)
    return capture_with_metrics_file(args.metrics_file, node_name, capture, on_event)


def capture(args: argparse.Namespace, outputs: Sequence[Output], on_event: OnEvent) -> Snapshot:
    """Return the snapshot of the chosen node, after checking that the outputs can be written."""
    refuse_local_node(args)
    if not args.local:
        config = parse_config(args, on_event)
        check_outputs(outputs, partial(connect_with, args))
        return capture_node(config, outputs)
    check_outputs(outputs, partial(connect_with, args))
    return capture_locally(args, on_event)


def capture_locally(args: argparse.Namespace, on_event: OnEvent) -> Snapshot:
    gc.disable()  # what it makes has no cycles, and the process ends soon
    from kubectl_snapshot.collectors.choose import choose_collectors
    from kubectl_snapshot.collectors.run.local import LocalCapture, collect_locally

    settings = parse_settings(args, on_event)
    collectors = choose_collectors(settings, require_gpu=args.require_gpu)
    local = LocalCapture(
        parse_timeout(args.timeout),
        os.environ,
        on_event,
        connection=parse_connection(args),
        settings=settings,
        require_gpu=args.require_gpu,
    )
    return collect_locally(collectors, __version__, local)


def describe_plan(config: AgentConfig, start: Mapping[str, Any]) -> str:
    """Return what the capture is about to do, for someone who gave no flags."""
    from kubectl_snapshot.job.options import LEVELS

    labels = ",".join(f"{key}={value}" for key, value in config.node_selector.items())
    node = config.node_name or (f"a node with {labels}" if labels else "a node, a GPU node first")
    pod = f"a {LEVELS[config.privileged]} pod in namespace {start['namespace']}"
    end = "and is deleted afterwards" if config.cleanup else "and is kept"
    return f"capturing {node}: {pod} reads it {end}"


def capture_node(config: AgentConfig, outputs: Sequence[Output]) -> Snapshot:
    from kubectl_snapshot.agent.capture_node import deploy_and_get_snapshot
    from kubectl_snapshot.commands.capture_result import is_summary
    from kubectl_snapshot.commands.console.interrupts import install_handlers

    command = ""

    def on_event(event: Mapping[str, Any]) -> None:
        nonlocal command
        if event.get("event") == "start":
            command = event["cleanup"].strip("`")
            if is_summary(outputs):
                config.on_event({"event": "plan", "message": describe_plan(config, event)})
        config.on_event(event)
        if event.get("event") == "scheduled":
            # The client is idle while the pod starts.
            load_renderers(outputs)

    install_handlers(lambda: command or "(nothing was created yet)")
    return deploy_and_get_snapshot(replace(config, on_event=on_event))
