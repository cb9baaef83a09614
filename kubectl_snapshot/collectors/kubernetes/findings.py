"""What can be wrong with a node in its cluster: taints that the node controller sets, versions."""

from __future__ import annotations

from kubectl_snapshot.document.findings.spec import CRITICAL, INFO, WARNING, FindingSpec
from kubectl_snapshot.document.versions import parse_version

TAINTS = "https://kubernetes.io/docs/reference/labels-annotations-taints/"
PRESSURE = "https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/"
SKEW = "https://kubernetes.io/releases/version-skew-policy/"
# A kubelet may be three minor versions older than the API server, and not newer.
MAX_SKEW = 3


def count_minors_behind(kubelet: str, server: str) -> int:
    """Return how many minor versions a kubelet is behind; raise InvalidRequest for no version."""
    own, other = parse_version(kubelet), parse_version(server)
    return (other.major - own.major) * 1000 + other.minor - own.minor


def is_skewed(kubelet: str, server: str) -> bool:
    """Return whether a kubelet is newer than the API server, or more than MAX_SKEW older."""
    return not 0 <= count_minors_behind(kubelet, server) <= MAX_SKEW


def is_behind(kubelet: str, server: str) -> bool:
    """Return whether a kubelet is older than the API server, as far as that is supported."""
    return 0 < count_minors_behind(kubelet, server) <= MAX_SKEW


FINDINGS = (
    FindingSpec(
        "node-not-ready",
        CRITICAL,
        "taint(node.kubernetes.io/not-ready) != none"
        " or taint(node.kubernetes.io/unreachable) != none"
        " or taint(node.kubernetes.io/network-unavailable) != none",
        "the node is not ready",
        "see `kubectl describe node`, Conditions, and `journalctl -u kubelet`",
        TAINTS,
    ),
    FindingSpec(
        "node-pressure",
        WARNING,
        "taint(node.kubernetes.io/memory-pressure) != none"
        " or taint(node.kubernetes.io/disk-pressure) != none"
        " or taint(node.kubernetes.io/pid-pressure) != none",
        "the node is under pressure: pods get evicted",
        "see `kubectl describe node`, Conditions; free memory, disk or processes",
        PRESSURE,
    ),
    FindingSpec(
        "node-cordoned",
        WARNING,
        "taint(node.kubernetes.io/unschedulable) != none",
        "the node is cordoned: no new pod runs on it",
        "kubectl uncordon, once the reason is gone",
        TAINTS,
    ),
    FindingSpec(
        "kubelet-skew",
        WARNING,
        "K8s.node.kubelet-version ? K8s.server.version",
        "the kubelet is {value}, the API server {other}: Kubernetes does not support this skew",
        "upgrade the older one",
        SKEW,
        test=is_skewed,
    ),
    FindingSpec(
        "kubelet-behind",
        INFO,
        "K8s.node.kubelet-version ? K8s.server.version",
        "the kubelet is {value}, the API server {other}",
        "upgrade the kubelet",
        SKEW,
        test=is_behind,
    ),
)
