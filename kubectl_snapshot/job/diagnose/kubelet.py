"""Why the node's kubelet gives out no log: it is unreachable, or its logs are disabled. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, ServiceUnavailable
from kubectl_snapshot.job.pod import node_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError


def diagnose_node_lost(pod: Mapping[str, Any], words: str) -> SnapshotError:
    """Return that a node's kubelet, through which every log comes, does not answer."""
    node = node_name(pod)
    return ServiceUnavailable(
        f"node {node} does not answer: its kubelet is down or cannot be reached",
        words,
        f"see `kubectl describe node {node}`, or pass --node with another one",
    )


def diagnose_log_refused(pod: Mapping[str, Any], error: SnapshotError) -> SnapshotError:
    """Return that a kubelet answers and gives out no logs (KubeletConfiguration v1beta1)."""
    node = node_name(pod)
    return Internal(
        f"node {node} does not give out the logs of its containers",
        f"the answer is {error.status}: {error.why}",
        "set `enableDebuggingHandlers: true` in its kubelet's configuration, "
        "or run `kubectl-snapshot --local` on it",
        status=error.status,
    )
