"""What can be the value of a flag: from the kubeconfig, the cluster, or a list of words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from kubectl_snapshot.commands.source import LIVE
from kubectl_snapshot.document.destination import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    Find = Callable[["Typing"], list[str]]

BOOLEANS = ("true", "false")
# Arguments that name a snapshot, as commands/source reads it.
DOCUMENTS = ("snapshot", "other", "a", "b")


class Typing(NamedTuple):
    """A command line that is being typed: what it says so far, and until when we may search."""

    args: argparse.Namespace
    env: Mapping[str, str]
    deadline: float


def find_values(action: argparse.Action, prefix: str, typing: Typing) -> Sequence[str]:
    """Return what can stand as a flag's value or as an argument and begins with the prefix.

    Empty where that is not known, or the cluster does not tell in time.
    """
    if getattr(action, "implied", "") == "true" and not action.choices:
        return BOOLEANS
    if takes_snapshot(action):
        # Without a prefix it is most often a file.
        if LIVE.startswith(prefix or "-"):
            return (LIVE,)
        return within_limit(SNAPSHOTS, typing) if is_configmap(prefix) else ()
    if action.dest not in SOURCES:
        return ()
    values = within_limit(SOURCES[action.dest], typing)
    return narrow_labels(values, prefix) if action.dest == "node_selector" else values


def takes_snapshot(action: argparse.Action) -> bool:
    return not action.option_strings and action.dest in DOCUMENTS


def is_configmap(prefix: str) -> bool:
    """Return whether the beginning of `cm://` stands there, enough of it to mean that."""
    return prefix.startswith(CONFIGMAP_SCHEME[:3])


def takes_file(action: argparse.Action, prefix: str) -> bool:
    """Return whether a file's name may stand there; the help says FILE then."""
    return "FILE" in str(action.metavar) or (takes_snapshot(action) and not is_configmap(prefix))


def narrow_labels(labels: Sequence[str], prefix: str) -> list[str]:
    """Return keys of labels, each with its `=`; the labels themselves once one key is left."""
    matching = [label for label in labels if label.startswith(prefix)]
    keys = sorted({label.partition("=")[0] + "=" for label in matching})
    return matching if "=" in prefix or len(keys) == 1 else keys


def within_limit(find: Find, typing: Typing) -> list[str]:
    """Return what a search finds; nothing where it fails, or does not end before the deadline.

    Part of an answer is none: a shell would take the only candidate for the only one there is.
    """
    import threading

    found: list[str] = []

    def search() -> None:
        try:
            found.extend(find(typing))
        except SnapshotError:
            return

    # A name server that does not answer holds up nobody.
    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    thread.join(max(0.0, typing.deadline - time.monotonic()))
    return [] if thread.is_alive() else found


def find_in_cluster(kind: str, typing: Typing) -> list[str]:
    from kubectl_snapshot.clients.files.cache import read_recent, write_recent
    from kubectl_snapshot.clients.kube.client import connect
    from kubectl_snapshot.commands.flags.connection import parse_connection

    options = parse_connection(typing.args)
    kube = connect(options, typing.env)
    key = (kind, kube.server, kube.context, kube.user, kube.namespace)
    # Who gives a login on the command line may be another user than the kubeconfig's.
    is_kept = not (options.token or options.client_certificate or options.as_groups)
    values = read_recent(key, typing.env) if is_kept else None
    if values is None:
        from kubectl_snapshot.commands.completion.choices import list_choices

        values = list_choices(kind, kube, typing.deadline)
        if is_kept:
            write_recent(key, values, typing.env)
    return values


def from_cluster(kind: str) -> Find:
    return lambda typing: find_in_cluster(kind, typing)


def from_kubeconfig(section: str) -> Find:
    def find(typing: Typing) -> list[str]:
        from kubectl_snapshot.clients.auth.kubeconfig import read_config

        named: Mapping[str, Any] = getattr(read_config(typing.args.kubeconfig, typing.env), section)
        return sorted(named)

    return find


SNAPSHOTS = from_cluster("snapshots")
# By the name under which argparse keeps the value.
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
