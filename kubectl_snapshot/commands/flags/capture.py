"""Flags of a capture: the node, the agent's pod; and the AgentConfig that they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.commands.flags.collect import (
    add_collect_flags,
    add_redaction_flags,
    parse_settings,
)
from kubectl_snapshot.commands.flags.connection import parse_connection
from kubectl_snapshot.commands.flags.parser import (
    add_boolean_flag,
    add_flag,
    add_optional_flag,
    add_repeated_flag,
    given,
)
from kubectl_snapshot.commands.flags.shared import add_gpu_flag, add_metrics_flag, parse_timeout
from kubectl_snapshot.constants import DEFAULT_IMAGE
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Container

    from kubectl_snapshot.agent.config import AgentConfig, OnEvent

ALL_OR_NOTHING = "all-or-nothing"


def add_target_flags(parser: argparse.ArgumentParser) -> None:
    """Add the node selection flags and the command's own flags."""
    group = add_node_flags(parser)
    add_flag(
        group,
        "--config",
        metavar="FILE",
        default="",
        help="AICRConfig whose section snapshot sets these flags",
    )
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
    """Add the flags that choose the node and its measurements; return their group."""
    group = parser.add_argument_group("capture")
    add_boolean_flag(group, "--local", help="capture this machine; needs no cluster")
    add_repeated_flag(group, "--node", metavar="NAME", help="node to capture (repeated: a fleet)")
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
        help="taint to tolerate, or '*' (repeatable; default: all)",
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
        group,
        "--timeout",
        metavar="TIME",
        default="",
        help="overall time limit (default: 5m; of a fleet: 30m)",
    )
    add_boolean_flag(
        group,
        "--wait-for-schedule",
        help="wait until a node or quota has room, up to --timeout",
    )
    add_redaction_flags(parser.add_argument_group("redaction"))
    return group


def add_agent_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the agent's pod and --dry-run."""
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
    """Add the flags of the agent's pod and its Job; return their group."""
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
    add_repeated_flag(
        group,
        "--job-label",
        metavar="KEY=VALUE",
        help="label of Job and pod, such as a queue's name (repeatable)",
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
    for name in ("requests", "limits"):
        add_flag(
            group,
            f"--{name}",
            metavar="NAME=QUANTITY[,...]",
            default="",
            help=f"resource {name} of the container, such as memory=512Mi",
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


def refuse_local_node(args: argparse.Namespace) -> None:
    """Raise InvalidRequest for --local with a flag that chooses a node of a cluster.

    A flag overrides the environment variable of the other.
    """
    typed = given(args)
    for dest, flag in (("node", "--node"), ("node_selector", "--node-selector")):
        if args.local and getattr(args, dest) and (dest in typed or "local" not in typed):
            raise InvalidRequest(
                f"--local and {flag} are mutually exclusive",
                "--local captures this machine",
                f"leave one of them out{_name_variables(typed, 'local', dest)}",
            )


def _name_variables(typed: Container[str], *dests: str) -> str:
    names = [f"KUBECTL_SNAPSHOT_{dest.upper()}" for dest in dests if dest not in typed]
    return f"; see the environment variable {' and '.join(names)}" if names else ""


def choose_node(args: argparse.Namespace) -> str:
    """Return the only --node, empty for none; InvalidRequest for several."""
    names: list[str] = args.node
    if len(names) > 1:
        raise InvalidRequest("several --node", hint="only a capture takes more than one")
    return names[0] if names else ""


def parse_config(args: argparse.Namespace, on_event: OnEvent) -> AgentConfig:
    """Return the agent's configuration that the flags give; InvalidRequest for invalid values."""
    from kubectl_snapshot.agent.config import AgentConfig
    from kubectl_snapshot.job.resources import parse_resources
    from kubectl_snapshot.job.selectors import (
        parse_job_labels,
        parse_node_selectors,
        parse_tolerations,
        validate_node_name,
        validate_node_selectors,
        validate_tolerations,
    )

    selectors = parse_node_selectors(args.node_selector)
    tolerations = parse_tolerations(args.toleration)
    node_name = choose_node(args)
    validate_node_name(node_name)
    validate_node_selectors(selectors)
    validate_tolerations(tolerations)
    levels = {"true": True, "false": False}
    return AgentConfig(
        namespace="",
        connection=parse_connection(args),
        image=args.image,
        image_pull_secrets=args.image_pull_secret,
        job_name=args.job_name,
        job_labels=parse_job_labels(args.job_label),
        service_account_name=args.service_account_name,
        node_selector=selectors,
        tolerations=tolerations,
        timeout=parse_timeout(args.timeout),
        cleanup=args.cleanup and not args.no_cleanup,
        privileged=levels.get(args.privileged, args.privileged),
        require_gpu=args.require_gpu,
        node_name=node_name,
        runtime_class=args.runtime_class,
        requests=parse_resources(args.requests, "--requests"),
        limits=parse_resources(args.limits, "--limits"),
        agent=args.agent,
        cluster_scope=args.cluster_scope,
        wait_for_schedule=args.wait_for_schedule,
        collect=parse_settings(args, on_event),
        on_event=on_event,
    )
