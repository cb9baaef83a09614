"""kubectl snapshot [capture]: capture a node of a cluster through an agent, or this machine."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot import __version__
from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.commands.flags.capture import (
    ALL_OR_NOTHING,
    add_agent_flags,
    add_target_flags,
    parse_config,
    refuse_local_node,
)
from kubectl_snapshot.commands.flags.collect import parse_settings
from kubectl_snapshot.commands.flags.connection import (
    add_connection_flags,
    connect_with,
    parse_connection,
)
from kubectl_snapshot.commands.flags.parser import Parser, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags, parse_timeout
from kubectl_snapshot.commands.output import (
    add_document_flags,
    check_outputs,
    is_guessed,
    load_renderers,
    parse_outputs,
    write_outputs,
)
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_OK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.agent.config import AgentConfig, OnEvent
    from kubectl_snapshot.commands.output import Output
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
    add_agent_flags(parser)
    add_document_flags(parser)
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.agent.config import check_gpu_request
    from kubectl_snapshot.commands.console.progress import choose_progress

    check_gpu_request(args.require_gpu, args.runtime_class)
    outputs = parse_outputs(args.output, args.format, template=args.template)
    on_event = choose_progress(args, sys.stderr)
    if args.dry_run and not args.local:
        from kubectl_snapshot.commands.dry_run import run_dry

        return run_dry(parse_config(args, on_event), args.dry_run, outputs, out)
    snapshot = capture_measured(args, partial(capture, args, outputs), on_event)
    on_event({"event": "done"})
    return finish(args, snapshot, outputs, on_event, out)


def capture_measured(
    args: argparse.Namespace, capture: Callable[[OnEvent], Snapshot], on_event: OnEvent
) -> Snapshot:
    """Return the snapshot of `capture`; write its durations to --metrics-file."""
    if not args.metrics_file:
        return capture(on_event)
    from kubectl_snapshot.collectors.run.local import read_node_name
    from kubectl_snapshot.collectors.run.timing import capture_with_metrics_file

    node_name = read_node_name(os.environ) if args.local else args.node
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


def finish(
    args: argparse.Namespace,
    snapshot: Snapshot,
    outputs: Sequence[Output],
    on_event: OnEvent,
    out: TextIO,
) -> int:
    from dataclasses import replace

    from kubectl_snapshot.document.redaction.values import OWN_KEY
    from kubectl_snapshot.document.snapshot import describe_gaps

    gaps = describe_gaps(snapshot)
    if gaps and args.strict == ALL_OR_NOTHING:
        on_event({"event": "warning", "message": f"nothing printed; not read: {gaps}"})
        return EXIT_GAPS
    written = replace(snapshot, api_version=args.api_version)
    write_outputs(outputs, written, out, partial(connect_with, args))
    for output in outputs:
        if is_guessed(output, args.format):
            message = f"unknown extension: {output.path} is written as JSON; see -t"
            on_event({"event": "warning", "message": message})
        if output.place:
            node = snapshot.metadata.get("source-node", "")
            on_event({"event": "written", "node": node, "path": output.place})
    if gaps:
        on_event({"event": "warning", "message": f"not read: {gaps}"})
    if args.redact_key_file and snapshot.metadata.get("redaction") == OWN_KEY:
        message = "the pod used its own redaction key: you may not create and delete Secrets"
        on_event({"event": "warning", "message": message})
    return EXIT_GAPS if gaps and args.strict != "false" else EXIT_OK


def capture_locally(args: argparse.Namespace, on_event: OnEvent) -> Snapshot:
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


def capture_node(config: AgentConfig, outputs: Sequence[Output]) -> Snapshot:
    from dataclasses import replace

    from kubectl_snapshot.commands.console.interrupts import install_handlers
    from kubectl_snapshot.snapshotter import deploy_and_get_snapshot

    command = ""

    def on_event(event: Mapping[str, Any]) -> None:
        nonlocal command
        if event.get("event") == "start":
            command = event["cleanup"].strip("`")
        config.on_event(event)
        if event.get("event") == "scheduled":
            # The client is idle while the pod starts.
            load_renderers(outputs)

    install_handlers(lambda: command or "(nothing was created yet)")
    return deploy_and_get_snapshot(replace(config, on_event=on_event))
