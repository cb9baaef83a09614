"""kubectl snapshot version: print the versions of client, Python, agent image and server."""

from __future__ import annotations

import sys

from kubectl_snapshot import __version__
from kubectl_snapshot.commands.flags.connection import add_connection_flags, connect_with
from kubectl_snapshot.commands.flags.parser import Parser, add_boolean_flag, add_flag, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.constants import DEFAULT_IMAGE, FULL_API_VERSION
from kubectl_snapshot.errors import EXIT_OK, ServiceUnavailable, SnapshotError
from kubectl_snapshot.text import strip_control

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    import argparse
    from typing import TextIO


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot version",
        "Print the versions of the client, Python, agent image and API server.",
        usage="kubectl snapshot version [--client] [-o json]",
    )
    add_boolean_flag(
        parser, "--client", variable=False, help="client version only; contact no server"
    )
    add_flag(
        parser,
        "-o",
        "--output",
        variable=False,
        choices=("text", "json"),
        default="text",
        help="output format (default: text)",
    )
    add_connection_flags(parser)
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    facts = {
        "version": __version__,
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "agentImage": DEFAULT_IMAGE,
        "apiVersion": FULL_API_VERSION,
    }
    refusal = None
    if not args.client:
        try:
            facts["serverVersion"] = read_server_version(args)
        except SnapshotError as error:
            refusal = error
    if args.output == "json":
        import json

        out.write(json.dumps(facts, indent=2) + "\n")
    else:
        width = max(len(name) for name in facts)
        out.write("".join(f"{name:{width}}  {value}\n" for name, value in facts.items()))
    if refusal:
        raise refusal  # Raised after the client's facts are printed, as kubectl does.
    return EXIT_OK


def read_server_version(args: argparse.Namespace) -> str:
    kube = connect_with(args)
    doing = f"read the version of {kube.server}"
    body = kube.request("GET", "/version", doing=doing).body
    version = body.get("gitVersion") if isinstance(body, dict) else None
    if not isinstance(version, str) or not version:
        raise ServiceUnavailable(
            f"cannot {doing}",
            why="the response has no gitVersion",
            hint="check the cluster's server in the kubeconfig: it is no API server",
        )
    return strip_control(version)
