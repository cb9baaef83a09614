"""Candidates for the value of a flag: from the kubeconfig, the cluster, or fixed words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from kubectl_snapshot.commands.flags.connection import parse_connection
from kubectl_snapshot.commands.source import LIVE
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    Find = Callable[["PartialCommand"], list[str]]

BOOLEANS = ("true", "false")
# Positional arguments that commands/source reads.
DOCUMENTS = ("snapshot", "other", "a", "b")

# Those that name the directory of a fleet where --group-by is a flag.
FLEETS = ("a", "fleet", "snapshot")

# Flags and arguments that begin with a path in a snapshot.
PATHS = ("path", "constraint", "only", "ignore")


class PartialCommand(NamedTuple):
    """The parsed part of an unfinished command line, and the deadline of the search."""

    args: argparse.Namespace
    env: Mapping[str, str]
    deadline: float


def find_values(action: argparse.Action, prefix: str, partial: PartialCommand) -> Sequence[str]:
    """Return the candidates for a flag's value or an argument.

    Empty if there are none, or if the cluster does not answer before the deadline.
    """
    if getattr(action, "implied", "") == "true" and not action.choices:
        return BOOLEANS
    if takes_snapshot(action):
        # Without a prefix, a file is likelier than @live.
        if LIVE.startswith(prefix or "-"):
            return (LIVE,)
        return run_until_deadline(SNAPSHOTS, partial) if is_configmap(prefix) else ()
    if action.dest in PATHS:
        from kubectl_snapshot.commands.completion.paths import find_paths

        named = [getattr(partial.args, name, None) for name in DOCUMENTS]
        return find_paths(prefix, [source for source in named if source])
    if action.dest == "group_by":
        from kubectl_snapshot.commands.completion.paths import find_groups

        named = [getattr(partial.args, name, None) for name in FLEETS]
        return find_groups(prefix, [source for source in named if source])
    if action.dest in ("collect", "skip"):
        return complete_types(prefix)
    if action.dest == "mute":
        from kubectl_snapshot.collectors.all_findings import ALL_FINDINGS

        return [spec.id for spec in ALL_FINDINGS]
    if action.dest not in SOURCES:
        return ()
    values = run_until_deadline(SOURCES[action.dest], partial)
    return filter_labels(values, prefix) if action.dest == "node_selector" else values


def takes_snapshot(action: argparse.Action) -> bool:
    return not action.option_strings and action.dest in DOCUMENTS


def is_configmap(prefix: str) -> bool:
    """Return whether the prefix begins like `cm://`."""
    return prefix.startswith(CONFIGMAP_SCHEME[:3])


def takes_file(action: argparse.Action, prefix: str) -> bool:
    """Return whether the value may be a file name: its metavar contains FILE."""
    return "FILE" in str(action.metavar) or (takes_snapshot(action) and not is_configmap(prefix))


def complete_types(prefix: str) -> list[str]:
    """Return the comma-separated list, extended by each type that it does not have yet."""
    from kubectl_snapshot.collectors.registry import REGISTRY

    listed, comma, _ = prefix.rpartition(",")
    types = (spec.type for spec in REGISTRY)
    return [f"{listed}{comma}{name}" for name in types if name not in listed.split(",")]


def filter_labels(labels: Sequence[str], prefix: str) -> list[str]:
    """Return the label keys, each with its `=`, or the labels once only one key matches."""
    matching = [label for label in labels if label.startswith(prefix)]
    keys = sorted({label.partition("=")[0] + "=" for label in matching})
    return matching if "=" in prefix or len(keys) == 1 else keys


def run_until_deadline(find: Find, partial: PartialCommand) -> list[str]:
    """Return the result of a search; nothing if it fails or exceeds the deadline.

    Partial results are dropped: a shell would insert the only candidate of an incomplete list.
    """
    import threading

    found: list[str] = []

    def search() -> None:
        try:
            found.extend(find(partial))
        except SnapshotError:
            return

    # In a thread: a DNS lookup cannot be interrupted.
    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    thread.join(max(0.0, partial.deadline - time.monotonic()))
    return [] if thread.is_alive() else found


def find_in_cluster(kind: str, partial: PartialCommand) -> list[str]:
    from kubectl_snapshot.clients.files.cache import read_recent, write_recent
    from kubectl_snapshot.clients.kube.client import connect

    options = parse_connection(partial.args)
    kube = connect(options, partial.env)
    key = (kind, kube.server, kube.context, kube.user, kube.namespace)
    # Credentials on the command line may belong to another user than the kubeconfig's.
    is_cacheable = not (options.token or options.client_certificate or options.as_groups)
    values = read_recent(key, partial.env) if is_cacheable else None
    if values is None:
        from kubectl_snapshot.commands.completion.choices import list_choices

        values = list_choices(kind, kube, partial.deadline)
        if is_cacheable:
            write_recent(key, values, partial.env)
    return values


def from_cluster(kind: str) -> Find:
    return lambda partial: find_in_cluster(kind, partial)


def from_kubeconfig(section: str) -> Find:
    def find(partial: PartialCommand) -> list[str]:
        from kubectl_snapshot.clients.auth.kubeconfig import read_config

        named: Mapping[str, Any] = getattr(
            read_config(partial.args.kubeconfig, partial.env), section
        )
        return sorted(named)

    return find


SNAPSHOTS = from_cluster("snapshots")
# By argparse's dest.
SOURCES: dict[str, Find] = {
    "context": from_kubeconfig("contexts"),
    "cluster": from_kubeconfig("clusters"),
    "user": from_kubeconfig("users"),
    "namespace": from_cluster("namespaces"),
    "helm_namespace": from_cluster("namespaces"),
    "node": from_cluster("nodes"),
    "node_selector": from_cluster("node labels"),
    "toleration": from_cluster("taints"),
    "image_pull_secret": from_cluster("pull secrets"),
    "service_account_name": from_cluster("service accounts"),
    "runtime_class": from_cluster("runtime classes"),
}
