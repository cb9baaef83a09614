"""Why the node's kubelet serves no log: it is unreachable, or its logs are disabled. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Internal, ServiceUnavailable
from kubectl_snapshot.job.pod import node_name, pod_title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.errors import SnapshotError

# crypto/tls and crypto/x509 of Go: a server without a certificate, and a certificate without trust.
CERTIFICATE_MARKS = ("tls: internal error", "x509:")


def build_missing_mark(node: str) -> str:
    """Return the API server's words where a log's node was deleted: `pods "node2" not found`.

    It gives the name of the node the resource of the request (measured on v1.34).
    """
    return f'"{node}" not found'


def diagnose_node_lost(pod: Mapping[str, Any], message: str) -> SnapshotError:
    """Return that the node is lost: its kubelet, which serves every log, does not respond."""
    node = node_name(pod)
    if CERTIFICATE_MARKS[0] in message:
        return ServiceUnavailable(
            f"the kubelet of node {node} has no serving certificate",
            message,
            "list those that wait with `kubectl get csr`, and approve the node's with"
            " `kubectl certificate approve NAME`",
        )
    if CERTIFICATE_MARKS[1] in message:
        return ServiceUnavailable(
            f"the API server does not trust the certificate of node {node}'s kubelet",
            message,
            "renew the kubelet's serving certificate, or correct the API server's"
            f" --kubelet-certificate-authority; `kubectl logs` of any pod on {node} tests it",
        )
    if build_missing_mark(node) in message:
        return ServiceUnavailable(
            f"node {node} was deleted from the cluster during the capture",
            message,
            "see `kubectl get nodes`, or pass --node with another one",
        )
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
    if "resource=nodes" in error.why:
        # k8s.io/kubernetes pkg/kubelet/server: the user is the API server's, not ours.
        return Internal(
            f"the kubelet of node {node} does not let the API server read logs",
            f"HTTP {error.status}: {error.why}",
            "it needs nodes/proxy: bind its user to ClusterRole system:kubelet-api-admin, "
            "or run `kubectl-snapshot --local` on the node",
            status=error.status,
        )
    if "cannot get resource" in error.why:
        return error
    return Internal(
        f"node {node} does not serve container logs",
        f"HTTP {error.status}: {error.why}",
        "set `enableDebuggingHandlers: true` in its kubelet's configuration, "
        "or run `kubectl-snapshot --local` on it",
        status=error.status,
    )


def diagnose_log_broken(pod: Mapping[str, Any], error: SnapshotError) -> SnapshotError:
    """Return that logs cannot be read although the API server responds: a gateway, a log driver."""
    node = node_name(pod)
    return ServiceUnavailable(
        f"the log of pod {pod_title(pod)} cannot be read: something between here and node {node}"
        " fails",
        f"HTTP {error.status}: {error.why}",
        f"try `kubectl logs` of any pod on node {node}, or run `kubectl-snapshot --local` on it",
        status=error.status,
    )
