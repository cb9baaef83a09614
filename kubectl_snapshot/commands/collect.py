"""kubectl snapshot collect: collect on the spot. The agent's entrypoint; also runs by hand."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.flags import (
    Parser,
    add_flag,
    add_log_flags,
)
from kubectl_snapshot.commands.flags import (
    new_parser as new_plain_parser,
)
from kubectl_snapshot.errors import EXIT_OK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from kubectl_snapshot.clients.hostpath import HostPath


def new_parser() -> Parser:
    parser = new_plain_parser(
        "kubectl snapshot collect",
        "Collect on the spot and print the document, or frame it for the client's eyes.",
        usage="kubectl snapshot collect [flags]",
    )
    add_flag(parser, "--timeout", metavar="TIME", default="5m", help="limit of all (default: 5m)")
    add_flag(
        parser,
        "--host-root",
        metavar="DIR",
        default="",
        help="where the node's / is seen (default: /, or nowhere in a pod)",
    )
    add_flag(parser, "--run-id", metavar="ID", default="", help="the run that the frame belongs to")
    add_flag(
        parser,
        "--level",
        choices=("privileged", "host-read", "restricted"),
        default="",
        help="the pod's privilege level",
    )
    add_flag(
        parser,
        "--cluster-scope",
        choices=("agent", "client", "skip"),
        default="agent",
        help="agent: read the cluster-wide facts too (default: agent)",
    )
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    from kubectl_snapshot.document.destination import parse_duration
    from kubectl_snapshot.snapshotter import collect_here, collect_in_pod, default_factory

    timeout = parse_duration(args.timeout)
    if not args.run_id:
        from kubectl_snapshot.commands.progress import choose_progress
        from kubectl_snapshot.document.codec_yaml import render_yaml

        on_event = choose_progress(args, sys.stderr)
        out.write(render_yaml(collect_here(default_factory(), timeout, os.environ, None, on_event)))
        return EXIT_OK
    from kubectl_snapshot.document.codec_json import canonical_json
    from kubectl_snapshot.document.frame import encode_frame, render_progress

    def tell(event: Mapping[str, object]) -> None:
        # The same stream as the frame: the runtime keeps no order between two.
        out.write(render_progress(event) + "\n")
        out.flush()

    snapshot = collect_in_pod(
        default_factory(),
        see_host(args.level, args.host_root),
        timeout,
        os.environ,
        {},
        args.cluster_scope == "agent",
        tell,
    )
    # One burst, and then at once the end: an ended container's log is not rotated.
    out.write("".join(f"{line}\n" for line in encode_frame(canonical_json(snapshot), args.run_id)))
    return EXIT_OK


def see_host(level: str, host_root: str) -> HostPath:
    """Return how the node is seen from a pod of this level (job/manifest.py has its namespaces)."""
    from kubectl_snapshot.clients.hostpath import HostPath

    return HostPath(
        root=host_root or None,
        shares_network=level != "restricted",
        shares_ipc=level != "restricted",
        shares_pid=level == "privileged",
    )
