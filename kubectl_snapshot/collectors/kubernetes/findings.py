"""What can be wrong with a node in its cluster: conditions, resources, taints, versions."""

from __future__ import annotations

from kubectl_snapshot.document.findings.spec import CRITICAL, INFO, WARNING, FindingSpec
from kubectl_snapshot.document.versions import parse_version

TAINTS = "https://kubernetes.io/docs/reference/labels-annotations-taints/"
PRESSURE = "https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/"
SKEW = "https://kubernetes.io/releases/version-skew-policy/"
DEVICE_PLUGIN = "https://github.com/NVIDIA/k8s-device-plugin#readme"
STATUS = "K8s.node-status"
CONDITION = f"{STATUS}.condition."
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
        f"{CONDITION}*Ready.status != True"
        f" or {CONDITION}NetworkUnavailable.status == True"
        " else taint(node.kubernetes.io/network-unavailable) != none"
        " or taint(node.kubernetes.io/not-ready) != none"
        " or taint(node.kubernetes.io/unreachable) != none"
        " or taint(node.kubernetes.io/network-unavailable) != none",
        "the node is not ready",
        "see `kubectl describe node`, Conditions, and `journalctl -u kubelet`",
        TAINTS,
    ),
    FindingSpec(
        "no-gpu-allocatable",
        CRITICAL,
        f"{STATUS}.allocatable.nvidia.com/gpu == 0",
        "no pod gets a GPU of this node: none is allocatable",
        "see the log of the node's device plugin pod; restart it if the driver works",
        DEVICE_PLUGIN,
        ("GPU.hardware.gpu-count > 0", "not GPU.gpu-*.mig.current == true"),
    ),
    FindingSpec(
        "gpus-not-allocatable",
        CRITICAL,
        f"{STATUS}.allocatable.nvidia.com/gpu < GPU.hardware.gpu-count"
        f" or {STATUS}.allocatable.nvidia.com/gpu < {STATUS}.capacity.nvidia.com/gpu",
        "pods get {value} GPUs of this node, {other} are there",
        "see the log of the node's device plugin pod: it withdraws GPUs with an Xid error",
        DEVICE_PLUGIN,
        (f"{STATUS}.allocatable.nvidia.com/gpu > 0", "not GPU.gpu-*.mig.current == true"),
    ),
    FindingSpec(
        "node-problem",
        CRITICAL,
        f"{CONDITION}KernelDeadlock.status == True or {CONDITION}ReadonlyFilesystem.status == True"
        f" or {CONDITION}*Problem.status == True or {CONDITION}Frequent*.status == True",
        "the node problem detector reports a problem",
        "see `kubectl describe node`, Conditions and Events",
        "https://github.com/kubernetes/node-problem-detector",
    ),
    FindingSpec(
        "node-pressure",
        WARNING,
        f"{CONDITION}*Pressure.status == True"
        " else taint(node.kubernetes.io/memory-pressure) != none"
        " or taint(node.kubernetes.io/disk-pressure) != none"
        " or taint(node.kubernetes.io/pid-pressure) != none",
        "the node is under pressure: pods get evicted",
        "see `kubectl describe node`, Conditions; free memory, disk or processes",
        PRESSURE,
    ),
    FindingSpec(
        "node-cordoned",
        WARNING,
        f"{STATUS}.unschedulable == true else taint(node.kubernetes.io/unschedulable) != none",
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
