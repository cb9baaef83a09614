"""Why a node cannot prepare the pod: volumes that cannot be mounted, no sandbox or network. Pure.

The kubelet tries again for ever, and the pod's status says only ContainerCreating: the cause is in
events (k8s.io/kubernetes pkg/kubelet/events). A cause may be temporary: that of a mount has to
repeat, and a sandbox's has to last.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, NotFound, ServiceUnavailable
from kubectl_snapshot.job.diagnose.held import Hold
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

# The first ones are of a kubelet's cache that is behind the API server; it waits 0.5, 1 s.
MIN_COUNT = 3
# Of volumes of others, which a controller may still provide: the kubelet waits 0.5, 1, 2, 4 s.
MIN_FOREIGN_COUNT = 5
SANDBOX_REASONS = ("FailedCreatePodSandBox", "NetworkNotReady")
KINDS = {"configmap": "ConfigMap", "secret": "Secret"}
WEBHOOKS = "see `kubectl get mutatingwebhookconfigurations`, or pass another -n"


@dataclass(frozen=True)
class MissingObject:
    """An object of the run that a kubelet does not find: its cache may be behind."""

    resource: str
    error: SnapshotError


def find_missing_object(event: Mapping[str, Any], options: JobOptions) -> MissingObject | None:
    """Return the run's object that a repeated FailedMount event names as not found; else None."""
    message = str(event.get("message", ""))
    found = re.search(r'(configmap|secret) "([^"]+)" not found', message)
    if _count_mounts(event) < MIN_COUNT or found is None or found[2] != options.name:
        return None
    return MissingObject(
        f"{found[1]}s",
        Internal(
            f"{KINDS[found[1]]} {options.namespace}/{options.name} was deleted by another client",
            message,
            "run it again, and find out who deletes objects with our labels",
        ),
    )


def diagnose_mount(
    event: Mapping[str, Any], options: JobOptions, node: str
) -> SnapshotError | None:
    """Return why a volume of others cannot be mounted, from a repeated FailedMount event."""
    message = str(event.get("message", ""))
    if _count_mounts(event) < MIN_FOREIGN_COUNT or find_missing_object(event, options) is not None:
        return None
    # The kubelet no longer manages a pod that it rejected, or that was deleted: that is the cause.
    if "not registered" in message:
        return None
    return Internal(f"node {node} cannot mount a volume of the agent's pod", message, WEBHOOKS)


def _count_mounts(event: Mapping[str, Any]) -> int:
    return int(event.get("count") or 1) if event.get("reason") == "FailedMount" else 0


def diagnose_sandbox(event: Mapping[str, Any], node: str) -> Hold | None:
    """Return why a node cannot create the pod's sandbox: runtime handler, network; else None.

    It is not certain where a network plugin or a runtime that restarts just then fails the same
    way. It need not repeat: the kubelet reports one failure, and none of its later attempts, if it
    cannot delete the sandbox either (measured with a plugin that is missing).
    """
    message = str(event.get("message", ""))
    if event.get("reason") not in SANDBOX_REASONS:
        return None
    handler = re.search(r'no runtime for "([^"]+)" is configured', message)
    if handler is not None:
        return Hold(
            NotFound(
                f"the container runtime of node {node} has no handler {handler[1]}",
                message,
                "configure it there (`nvidia-ctk runtime configure` for nvidia), or omit"
                " --runtime-class",
            )
        )
    what, hint = f"node {node} cannot create the agent's pod", f"see `kubectl describe node {node}`"
    if "network" in message or "cni" in message.lower():
        what = f"node {node} has no working network plugin for pods"
        hint += "; a privileged capture needs no pod network"
    return Hold(ServiceUnavailable(what, message, hint), is_certain=False)
