"""Why the node's kubelet serves no log: it is unreachable, or its logs are disabled. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, ServiceUnavailable
from kubectl_snapshot.job.pod import node_name, pod_title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError


def diagnose_node_lost(pod: Mapping[str, Any], message: str) -> SnapshotError:
    """Return that the node is lost: its kubelet, which serves every log, does not respond."""
    node = node_name(pod)
    return ServiceUnavailable(
        f"node {node} does not respond: its kubelet or container runtime is down or unreachable",
        message,
        f"see `kubectl describe node {node}`, or pass --node with another one",
    )


def diagnose_log_cut(pod: Mapping[str, Any], error: SnapshotError | None) -> SnapshotError:
    """Return that every stream of the log is cut at once: not by the agent, which still runs."""
    return ServiceUnavailable(
        f"the log of pod {pod_title(pod)} is cut each time it is read",
        error.why if error is not None else "the stream ends at once, and the container runs",
        f"try `kubectl logs -f` on node {node_name(pod)}: a proxy or the kubelet may end streams",
    )


def diagnose_log_refused(pod: Mapping[str, Any], error: SnapshotError) -> SnapshotError:
    """Return that the kubelet serves no logs (KubeletConfiguration v1beta1, see the hint)."""
    node = node_name(pod)
    return Internal(
        f"node {node} does not serve container logs",
        f"HTTP {error.status}: {error.why}",
        "set `enableDebuggingHandlers: true` in its kubelet's configuration, "
        "or run `kubectl-snapshot --local` on it",
        status=error.status,
    )
