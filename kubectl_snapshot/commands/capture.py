"""kubectl snapshot [capture]: capture a node of a cluster through an agent, or this machine."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot import __version__
from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.commands.flags.collect import (
    add_collect_flags,
    add_redaction_flags,
    parse_settings,
)
from kubectl_snapshot.commands.flags.connection import (
    add_connection_flags,
    connect_with,
    parse_connection,
)
from kubectl_snapshot.commands.flags.parser import (
    Parser,
    add_boolean_flag,
    add_flag,
    add_optional_flag,
    add_repeated_flag,
    new_parser,
)
from kubectl_snapshot.commands.flags.shared import (
    add_gpu_flag,
    add_log_flags,
    add_metrics_flag,
    parse_timeout,
)
from kubectl_snapshot.commands.output import (
    add_document_flags,
    check_outputs,
    is_guessed,
    load_renderers,
    parse_outputs,
    write_outputs,
)
from kubectl_snapshot.constants import DEFAULT_IMAGE
from kubectl_snapshot.errors import EXIT_GAPS, EXIT_OK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.commands.output import Output
    from kubectl_snapshot.document.snapshot import Snapshot
    from kubectl_snapshot.snapshotter import AgentConfig, OnEvent

ALL_OR_NOTHING = "all-or-nothing"

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


def add_target_flags(parser: argparse.ArgumentParser) -> None:
    group = add_node_flags(parser)
    add_optional_flag(
        group,
        "--strict",
        implied="true",
        choices=("true", "false", ALL_OR_NOTHING),
        default="false",
        metavar=ALL_OR_NOTHING,
        help=f"exit 10 on gaps; with {ALL_OR_NOTHING} print nothing then",
    )
    add_metrics_flag(group)


def add_node_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("capture")
    add_boolean_flag(group, "--local", help="capture this machine; needs no cluster")
    add_flag(group, "--node", metavar="NAME", default="", help="node to capture")
    add_repeated_flag(
        group,
        "--node-selector",
        metavar="KEY=VALUE",
        help="label of the node (repeatable; default: prefer GPU nodes)",
    )
    add_repeated_flag(
        group,
        "--toleration",
        metavar="KEY[=VALUE]:EFFECT",
        help="taint to tolerate (repeatable; default: all)",
    )
    add_flag(
        group,
        "--cluster-scope",
        choices=("auto", "client", "agent", "skip"),
        default="auto",
        help="whose rights read the cluster-wide facts (default: auto)",
    )
    add_collect_flags(group)
    add_gpu_flag(group)
    add_flag(
        group, "--timeout", metavar="TIME", default="5m", help="overall time limit (default: 5m)"
    )
    add_boolean_flag(
        group,
        "--wait-for-schedule",
        help="wait until a node or quota has room, up to --timeout",
    )
    add_redaction_flags(parser.add_argument_group("redaction"))
    return group


def add_agent_flags(parser: argparse.ArgumentParser) -> None:
    group = add_pod_flags(parser)
    add_optional_flag(
        group,
        "--dry-run",
        implied="client",
        choices=("client", "server"),
        default="",
        help="print the objects instead; server: validated by the server",
    )


def add_pod_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("agent pod")
    add_flag(
        group, "--image", default=DEFAULT_IMAGE, help=f"container image (default: {DEFAULT_IMAGE})"
    )
    add_flag(
        group,
        "--agent",
        choices=("inject", "image"),
        default="inject",
        help="inject the program, or use an image that contains it (default: inject)",
    )
    add_repeated_flag(
        group, "--image-pull-secret", metavar="NAME", help="image pull Secret (repeatable)"
    )
    add_flag(
        group, "--job-name", metavar="NAME", default="", help="name of the Job (default: generated)"
    )
    add_flag(
        group,
        "--service-account-name",
        metavar="NAME",
        default="",
        help="existing ServiceAccount for the pod",
    )
    add_flag(
        group,
        "--runtime-class",
        metavar="NAME",
        default="",
        help="RuntimeClass of the pod, such as nvidia",
    )
    add_optional_flag(
        group,
        "--privileged",
        implied="true",
        choices=("true", "host-read", "false"),
        default="true",
        help="full privileges, read-only host (no GPU), or restricted (default: true)",
    )
    add_boolean_flag(group, "--no-cleanup", help="keep the agent's objects until their deadline")
    add_boolean_flag(
        group,
        "--cleanup",
        default=True,
        metavar="true|false",
        help="delete the agent's objects (default: true)",
    )
    return group


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.commands.progress import choose_progress
    from kubectl_snapshot.snapshotter import check_gpu_request

    check_gpu_request(args.require_gpu, args.runtime_class)
    outputs = parse_outputs(args.output, args.format, template=args.template)
    on_event = choose_progress(args, sys.stderr)
    if args.dry_run and not args.local:
        from kubectl_snapshot.commands.dry_run import run_dry

        return run_dry(parse_config(args, on_event), args.dry_run, outputs, out)
    snapshot = take_measured(args, partial(take, args, outputs), on_event)
    on_event({"event": "done"})
    return finish(args, snapshot, outputs, on_event, out)


def take_measured(
    args: argparse.Namespace, take: Callable[[OnEvent], Snapshot], on_event: OnEvent
) -> Snapshot:
    if not args.metrics_file:
        return take(on_event)
    from kubectl_snapshot.collectors.run.local import read_node_name
    from kubectl_snapshot.commands.metrics_file import take_and_write

    node_name = read_node_name(os.environ) if args.local else args.node
    return take_and_write(args.metrics_file, node_name, take, on_event)


def take(args: argparse.Namespace, outputs: Sequence[Output], on_event: OnEvent) -> Snapshot:
    """Return the snapshot of the chosen node; check first that the outputs can be written."""
    from kubectl_snapshot.snapshotter import check_gpu

    if not args.local:
        config = parse_config(args, on_event)
        check_outputs(outputs, partial(connect_with, args))
        return capture_node(config, outputs)
    check_outputs(outputs, partial(connect_with, args))
    snapshot = capture_here(args, on_event)
    if args.require_gpu:
        check_gpu(snapshot)
    return snapshot


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


def capture_here(args: argparse.Namespace, on_event: OnEvent) -> Snapshot:
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
    )
    return collect_locally(collectors, __version__, local)


def capture_node(config: AgentConfig, outputs: Sequence[Output]) -> Snapshot:
    from kubectl_snapshot.commands.interrupts import install_handlers
    from kubectl_snapshot.snapshotter import deploy_and_get_snapshot

    command = ""
    tell = config.on_event

    def on_event(event: Mapping[str, Any]) -> None:
        nonlocal command
        if event.get("event") == "start":
            command = event["cleanup"].strip("`")
        tell(event)
        if event.get("event") == "scheduled":
            # The client idles while the pod starts.
            load_renderers(outputs)

    install_handlers(lambda: command or "(nothing was created yet)")
    from dataclasses import replace

    return deploy_and_get_snapshot(replace(config, on_event=on_event))


def parse_config(args: argparse.Namespace, on_event: OnEvent) -> AgentConfig:
    from kubectl_snapshot.job.selectors import (
        parse_node_selectors,
        parse_tolerations,
        validate_node_selectors,
        validate_tolerations,
    )
    from kubectl_snapshot.snapshotter import AgentConfig

    selectors = parse_node_selectors(args.node_selector)
    tolerations = parse_tolerations(args.toleration)
    validate_node_selectors(selectors)
    validate_tolerations(tolerations)
    levels = {"true": True, "false": False}
    return AgentConfig(
        namespace="",
        connection=parse_connection(args),
        image=args.image,
        image_pull_secrets=args.image_pull_secret,
        job_name=args.job_name,
        service_account_name=args.service_account_name,
        node_selector=selectors,
        tolerations=tolerations,
        timeout=parse_timeout(args.timeout),
        cleanup=args.cleanup and not args.no_cleanup,
        debug=args.debug,
        privileged=levels.get(args.privileged, args.privileged),
        require_gpu=args.require_gpu,
        node_name=args.node,
        runtime_class=args.runtime_class,
        agent=args.agent,
        cluster_scope=args.cluster_scope,
        wait_for_schedule=args.wait_for_schedule,
        collect=parse_settings(args, on_event),
        on_event=on_event,
    )
