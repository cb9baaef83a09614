"""kubectl snapshot rbac: print the RBAC objects that a capture needs, a reason for each rule."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags.capture import add_agent_flags, add_target_flags, parse_config
from kubectl_snapshot.commands.flags.connection import add_connection_flags, parse_connection
from kubectl_snapshot.commands.flags.fleet import add_fleet_flags, is_fleet
from kubectl_snapshot.commands.flags.parser import Parser, add_flag, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.commands.output import write_stdout
from kubectl_snapshot.constants import NAME
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest, NotFound
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.job.manifest import Manifest
    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.rbac.admin_grants import Grant

AGENT, USER = "agent", "user"

EXAMPLES = """\
  # Create a ServiceAccount for the agent, with its rights
  kubectl snapshot rbac -n ops | kubectl apply -f -

  # Capture with that ServiceAccount
  kubectl snapshot -n ops --service-account-name kubectl-snapshot \\
      --cluster-scope agent

  # Print the rights that a user needs to capture in namespace ops
  kubectl snapshot rbac -n ops --for user

  # Print the rights that a user needs to capture many nodes
  kubectl snapshot rbac -n ops --for user --all-nodes
"""


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot rbac",
        "Print the RBAC objects that a capture with these flags needs, for an\n"
        "administrator to apply. No cluster is contacted.",
        usage="kubectl snapshot rbac [--for agent|user] [capture flags]",
        examples=EXAMPLES,
    )
    add_flag(
        parser,
        "--for",
        variable=False,
        dest="receiver",
        choices=(AGENT, USER),
        default=AGENT,
        help="owner of the rights: agent pod or user (default: agent)",
    )
    add_target_flags(parser)
    add_fleet_flags(parser)
    add_agent_flags(parser)
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.job.rbac.admin_grants import build_agent_grants, build_user_grants

    options = read_options(args)
    if args.receiver == USER:
        write_stdout(render_grants(_user_header(options), build_user_grants(options)), out)
    else:
        write_stdout(render_grants(_agent_header(options), build_agent_grants(options)), out)
    return EXIT_OK


def read_options(args: argparse.Namespace) -> JobOptions:
    """Return the options of a run with these flags; raise InvalidRequest if it needs no rights.

    The zipapp is left out: the rights do not depend on it, and it may not be built yet.
    """

    from kubectl_snapshot.agent.config import ignore_event
    from kubectl_snapshot.agent.plan import build_job_options
    from kubectl_snapshot.job.options import CLIENT, IMAGE, SKIP

    if args.local:
        raise InvalidRequest("--local needs no rights in a cluster", hint="leave out --local")
    creates_pods = is_fleet(args)
    if creates_pods and args.receiver == AGENT:
        raise InvalidRequest(
            "the agents of a fleet need no rights", hint="use --for user for the rights of the user"
        )
    args.node = [] if creates_pods else args.node
    config = parse_config(args, ignore_event)
    options = build_job_options(replace(config, agent=IMAGE), read_namespace(args))
    if args.receiver == AGENT and options.cluster_scope in (CLIENT, SKIP):
        cause = f"with --cluster-scope {args.cluster_scope}"
        if options.cluster_scope != args.cluster_scope:
            cause = "for these collectors, which read nothing of the cluster"
        raise InvalidRequest(
            f"the agent needs no rights {cause}", hint="use --for user for the rights of the user"
        )
    return replace(options, agent=config.agent, creates_pods=creates_pods)


def read_namespace(args: argparse.Namespace) -> str:
    """Return the namespace of a capture with these flags; the kubeconfig may be missing.

    Raises InvalidRequest for an invalid name.
    """
    from kubectl_snapshot.clients.auth.access import read_access
    from kubectl_snapshot.collectors.kubernetes.helm import NAMESPACE

    namespace = args.namespace
    if not namespace:
        try:
            namespace = read_access(parse_connection(args), os.environ).namespace
        except NotFound:
            namespace = "default"
    if not re.fullmatch(NAMESPACE, namespace):
        raise InvalidRequest(f'invalid namespace "{namespace}"', hint="as in -n gpu-operator")
    return str(namespace)


def render_grants(header: Sequence[str], grants: Sequence[Grant]) -> str:
    """Return the objects as YAML documents, with a comment above each rule."""
    lines = [f"# {line}" for line in header]
    for grant in grants:
        lines += ["---", *(f"# {line}" for line in grant.comment)]
        for key, value in grant.body.items():
            if key == "rules":
                lines.append("rules:")
                for rule, reasons in zip(value, grant.reasons):
                    lines += _rule_lines(rule, reasons)
            else:
                lines += _field_lines(key, value)
    return "\n".join(lines) + "\n"


def _rule_lines(rule: Manifest, reasons: Sequence[str]) -> list[str]:
    lines = [f"{key}: {json.dumps(names)}" for key, names in rule.items()]
    return [*(f"  # {reason}" for reason in reasons), f"  - {lines[0]}"] + [
        f"    {line}" for line in lines[1:]
    ]


def _field_lines(key: str, value: object) -> list[str]:
    """Return a field as YAML. JSON, a subset of YAML, quotes values that need it."""
    if isinstance(value, dict):
        return [f"{key}:", *(f"  {name}: {_render_value(item)}" for name, item in value.items())]
    return [f"{key}: {_render_value(value)}"]


def _render_value(value: object) -> str:
    """Return a text plain if no YAML reader can misread it, else as JSON."""
    from kubectl_snapshot.document.codec.yaml.scalars import render_text

    return render_text(value) if isinstance(value, str) else json.dumps(value)


def _agent_header(options: JobOptions) -> list[str]:
    account = options.service_account_name or NAME
    return [
        "Rights of kubectl-snapshot's agent in the cluster, for an administrator to apply once.",
        f"To use it: kubectl snapshot -n {options.namespace}"
        f" --service-account-name {account} --cluster-scope agent",
    ]


def _user_header(options: JobOptions) -> list[str]:
    return [
        f"Rights of a user of kubectl snapshot in namespace {options.namespace},"
        " for an administrator to apply once.",
        "The roles have no bindings; the comment above each has the command that binds it.",
    ]
