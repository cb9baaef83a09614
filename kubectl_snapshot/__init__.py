"""kubectl-snapshot: how a Kubernetes node and its cluster are configured, as one document.

The public library is `kubectl_snapshot.snapshotter`; nothing is imported here, so that
`kubectl snapshot --help` stays fast.
"""

__version__ = "0.1.0"
