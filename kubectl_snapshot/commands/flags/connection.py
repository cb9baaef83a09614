"""kubectl's connection flags, and the client that they give."""

from __future__ import annotations

import os
import sys

from kubectl_snapshot.commands.flags.durations import parse_duration
from kubectl_snapshot.commands.flags.parser import (
    CONNECTION,
    add_boolean_flag,
    add_flag,
    add_repeated_flag,
)

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    import argparse

    from kubectl_snapshot.clients.auth.access import ConnectionOptions, Trace
    from kubectl_snapshot.clients.kube.client import Kube

# As kubectl: from this level of -v on, requests are logged.
TRACED = 6


def add_connection_flags(parser: argparse.ArgumentParser) -> None:
    """Add kubectl's connection flags."""
    group = parser.add_argument_group(CONNECTION)
    add_flag(group, "--kubeconfig", "-k", metavar="FILE", default="", help="kubeconfig file")
    add_flag(group, "--context", metavar="NAME", default="", help="kubeconfig context")
    add_flag(group, "--cluster", metavar="NAME", default="", help="kubeconfig cluster")
    add_flag(group, "--user", metavar="NAME", default="", help="kubeconfig user")
    add_flag(
        group,
        "--namespace",
        "-n",
        metavar="NAME",
        default="",
        help="namespace of the agent (default: the context's)",
    )
    add_flag(group, "--as", dest="as_user", metavar="USER", default="", help="user to impersonate")
    add_repeated_flag(
        group, "--as-group", metavar="GROUP", help="group to impersonate (repeatable)"
    )
    add_flag(group, "--as-uid", metavar="UID", default="", help="UID to impersonate")
    add_flag(group, "--server", "-s", metavar="URL", default="", help="URL of the API server")
    add_flag(group, "--token", metavar="TOKEN", default="", help="bearer token")
    add_flag(
        group, "--certificate-authority", metavar="FILE", default="", help="CA certificate file"
    )
    add_flag(
        group, "--client-certificate", metavar="FILE", default="", help="client certificate file"
    )
    add_flag(
        group,
        "--client-key",
        metavar="FILE",
        default="",
        help="private key file of the client certificate",
    )
    add_boolean_flag(
        group, "--insecure-skip-tls-verify", help="skip verification of the server's certificate"
    )
    add_flag(
        group,
        "--tls-server-name",
        metavar="NAME",
        default="",
        help="server name to verify in its certificate",
    )
    add_flag(
        group,
        "--request-timeout",
        metavar="TIME",
        default="",
        help="time limit of one request (default: 30s)",
    )


def connect_with(args: argparse.Namespace) -> Kube:
    """Return a client of the chosen cluster; no request is sent yet."""
    from kubectl_snapshot.clients.kube.client import connect

    return connect(parse_connection(args), os.environ)


def parse_connection(args: argparse.Namespace) -> ConnectionOptions:
    """Return the connection options that the flags give."""
    from kubectl_snapshot.clients.auth.access import ConnectionOptions

    return ConnectionOptions(
        kubeconfig=args.kubeconfig,
        context=args.context,
        cluster=args.cluster,
        user=args.user,
        namespace=args.namespace,
        server=args.server,
        token=args.token,
        certificate_authority=args.certificate_authority,
        client_certificate=args.client_certificate,
        client_key=args.client_key,
        insecure_skip_tls_verify=args.insecure_skip_tls_verify,
        tls_server_name=args.tls_server_name,
        as_user=args.as_user,
        as_groups=tuple(args.as_group),
        as_uid=args.as_uid,
        request_timeout_s=parse_duration(args.request_timeout) if args.request_timeout else 0.0,
        trace=_choose_trace(args),
    )


def _choose_trace(args: argparse.Namespace) -> Trace | None:
    level = max(getattr(args, "verbose", 0), TRACED if getattr(args, "debug", False) else 0)
    if level < TRACED:
        return None
    from kubectl_snapshot.commands.console.trace import choose_trace

    return choose_trace(level, args.log_json, sys.stderr)
