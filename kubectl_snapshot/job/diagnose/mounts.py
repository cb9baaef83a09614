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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError
    from kubectl_snapshot.job.options import JobOptions

# The first ones may be of a kubelet's cache that is behind a loaded server; it waits 0.5, 1, 2 s.
MIN_COUNT = 4
# Of volumes of others, which a controller may still provide: the kubelet waits 0.5, 1, 2, 4 s.
MIN_FOREIGN_COUNT = 5
SANDBOX_REASONS = ("FailedCreatePodSandBox", "NetworkNotReady")
KINDS = {"configmap": "ConfigMap", "secret": "Secret"}
WEBHOOKS = "see `kubectl get mutatingwebhookconfigurations`, or pass another -n"


def diagnose_mount(
    event: Mapping[str, Any], options: JobOptions, node: str
) -> SnapshotError | None:
    """Return why a volume cannot be mounted, from a repeated FailedMount event; else None."""
    count = int(event.get("count") or 1)
    if event.get("reason") != "FailedMount" or count < MIN_COUNT:
        return None
    message = str(event.get("message", ""))
    found = re.search(r'(configmap|secret) "([^"]+)" not found', message)
    if found is not None and found[2] == options.name:
        return Internal(
            f"{KINDS[found[1]]} {options.namespace}/{options.name} was deleted by another client",
            message,
            "run it again, and find out who deletes objects with our labels",
        )
    # The kubelet no longer manages a pod that it rejected, or that was deleted: that is the cause.
    if count < MIN_FOREIGN_COUNT or "not registered" in message:
        return None
    return Internal(f"node {node} cannot mount a volume of the agent's pod", message, WEBHOOKS)


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
