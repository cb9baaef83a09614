"""Flags of a fleet: which nodes, how fast, when to stop; and the FleetConfig that they give."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kubectl_snapshot.commands.flags.durations import parse_duration
from kubectl_snapshot.commands.flags.parser import add_boolean_flag, add_flag, given
from kubectl_snapshot.commands.flags.shared import parse_count
from kubectl_snapshot.constants import CONFIGMAP_SCHEME, FULL_API_VERSION
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from kubectl_snapshot.agent.config import AgentConfig
    from kubectl_snapshot.fleet.planning.config import FleetConfig

# A list of this many nodes is longer than any cluster.
MAX_NAMES_BYTES = 16 * 1024 * 1024
TAR = (".tar", ".tar.gz", ".tgz")


class FleetPlace(NamedTuple):
    """A fleet's directory (empty: a temporary one), and the tar file or place to make of it."""

    directory: str
    archive: str = ""

    @property
    def is_configmap(self) -> bool:
        """Return whether the tar file goes into ConfigMaps."""
        return self.archive.startswith(CONFIGMAP_SCHEME)


def add_fleet_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a capture of many nodes."""
    places = "many nodes into one directory or tar file: -o DIR/, -o FILE.tar.gz"
    group = parser.add_argument_group("fleet", places)
    add_boolean_flag(group, "--all-nodes", help="capture every node of the cluster")
    add_flag(
        group, "-l", "--selector", metavar="SELECTOR", default="", help="label selector of nodes"
    )
    add_flag(
        group, "--nodes-from", metavar="FILE", default="", help="file of node names, - for stdin"
    )
    add_flag(
        group, "--resume", metavar="DIR", default="", help="complete the fleet in this directory"
    )
    add_flag(
        group,
        "--parallel",
        metavar="N",
        type=parse_count,
        default=64,
        help="pods at a time (default: 64)",
    )
    add_flag(
        group,
        "--qps",
        metavar="N",
        type=parse_count,
        default=0,
        help="requests for pods per second (default: no limit)",
    )
    add_flag(
        group,
        "--node-timeout",
        metavar="TIME",
        default="2m",
        help="time limit of one node (default: 2m)",
    )
    add_boolean_flag(group, "--fail-fast", help="create no more pods once a node failed")
    add_flag(
        group,
        "--max-failures",
        metavar="N",
        type=parse_count,
        default=0,
        help="create no more pods once N nodes failed",
    )
    add_flag(
        group,
        "--min-coverage",
        metavar="PERCENT",
        default="",
        help="exit 10 if a smaller share of the nodes is captured",
    )
    add_boolean_flag(group, "--self-contained", help="cluster-wide facts in each node's file, too")


def is_fleet(args: argparse.Namespace) -> bool:
    """Return whether the flags choose many nodes."""
    return bool(
        args.all_nodes or args.selector or args.nodes_from or args.resume or len(args.node) > 1
    )


def refuse_other_flags(args: argparse.Namespace) -> None:
    """Raise InvalidRequest for a flag that only the capture of one node has."""
    hints = {
        "--local": "it captures this machine",
        "--dry-run": "try it with one --node",
        "--metrics-file": "it describes one node",
        "--require-gpu": "-l nvidia.com/gpu.present=true selects the nodes with GPUs",
        "--template": "render one node's file: query, report or --template of one capture",
        "--wait-for-schedule": "a node of a fleet waits at most --node-timeout",
    }
    for flag, hint in hints.items():
        if getattr(args, flag[2:].replace("-", "_"), ""):
            raise InvalidRequest(f"{flag} is for the capture of one node", hint=hint)
    if args.strict == "all-or-nothing":
        raise InvalidRequest(
            "--strict=all-or-nothing is for the capture of one node",
            hint="use --strict or --min-coverage 100%",
        )


def parse_fleet_config(
    args: argparse.Namespace, agent: AgentConfig, directory: str, names: tuple[str, ...]
) -> FleetConfig:
    """Return the configuration of a fleet; InvalidRequest for invalid values."""
    from kubectl_snapshot.fleet.planning.config import FLEET_TIMEOUT_S, NODE_TIMEOUT_S, FleetConfig

    return FleetConfig(
        directory=directory,
        all_nodes=args.all_nodes,
        selector=args.selector,
        nodes=names,
        agent=agent,
        timeout=parse_duration(args.timeout or "0") or FLEET_TIMEOUT_S,
        node_timeout=parse_duration(args.node_timeout) or NODE_TIMEOUT_S,
        parallel=args.parallel,
        qps=args.qps,
        max_failures=1 if args.fail_fast else args.max_failures,
        resume=bool(args.resume),
        self_contained=args.self_contained,
        # preflight, which writes no document, has no such flag.
        api_version=getattr(args, "api_version", FULL_API_VERSION),
    )


def read_names(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the nodes of --node and --nodes-from; NotFound or InvalidRequest for its file."""
    if not args.nodes_from:
        return tuple(args.node)
    from kubectl_snapshot.clients.files.localfile import read_input
    from kubectl_snapshot.fleet.planning.selection import parse_names

    name = "stdin" if args.nodes_from == "-" else args.nodes_from
    try:
        text = read_input(args.nodes_from, MAX_NAMES_BYTES).decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"cannot read {name}", "it is not UTF-8") from error
    names = parse_names(text)
    if not names:
        raise InvalidRequest(f"no node names in {name}", hint="write one node name per line")
    return (*args.node, *names)


def suggest_one_node(args: argparse.Namespace) -> str:
    """Return the hint for a user who meant to capture one node."""
    import shlex

    if args.selector:
        return f"to capture one of them: --node-selector {shlex.quote(args.selector)}"
    return "to capture one node: --node NAME"


def choose_place(args: argparse.Namespace) -> FleetPlace:
    """Return the directory of -o or --resume, or the tar file of -o and the directory beside it.

    Raises InvalidRequest unless there is exactly one place.
    """
    places: list[str] = [value.strip() for value in args.output]
    if "format" in given(args):
        raise InvalidRequest(
            f"-t {args.format} is for the capture of one node", hint="use -o DIR/ or -o FILE.tar.gz"
        )
    if len(places) == 1 and (places[0] == "-" or places[0].startswith(CONFIGMAP_SCHEME)):
        return FleetPlace(args.resume, places[0])
    if len(places) == 1 and places[0].endswith(TAR):
        return FleetPlace(args.resume or f"{places[0]}.part", places[0])
    return FleetPlace(choose_directory(args, places))


def choose_directory(args: argparse.Namespace, places: list[str]) -> str:
    if args.resume:
        if places and [place.rstrip("/") for place in places] != [args.resume.rstrip("/")]:
            raise InvalidRequest(
                "--resume and -o name different places", hint="leave -o out with --resume"
            )
        return str(args.resume)
    if len(places) != 1 or not places[0]:
        raise InvalidRequest(
            "a fleet needs one directory or tar file",
            hint=f"use -o DIR/ or -o FILE.tar.gz; {suggest_one_node(args)}",
        )
    place = places[0]
    is_directory = place.endswith("/") or "." not in place.rpartition("/")[2]
    if not is_directory:
        raise InvalidRequest(
            f"cannot write a fleet to {place}",
            "it is no directory and no tar file",
            "use -o DIR/, -o FILE.tar.gz, -o cm://NAMESPACE/NAME.tar.gz or -o - for stdout",
        )
    return place
