"""Settings of the network stack (subtype OS.sysctl-net); AICR leaves /proc/sys/net out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system.sysctl import COUNTER, ROOT, build_sysctl
from kubectl_snapshot.document.registry import EVERY_KEY, STRING, IgnoredKey, SubtypeSpec
from kubectl_snapshot.errors import Unavailable

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Subtype

NET = f"{ROOT}/net"
SPEC = SubtypeSpec(
    "sysctl-net",
    values=STRING,
    public=EVERY_KEY,  # the key files are left out
    volatile=(IgnoredKey(f"{NET}/netfilter/nf_conntrack_count", COUNTER),),
    ignored_context=("unreadable",),
)
# Beginnings of what the documentation of NCCL, RDMA cards, CNI plugins and Kubernetes asks to set.
# Settings of one interface come and go with pods.
KEPT = tuple(
    f"{NET}/{start}"
    for start in (
        *("core/", "bridge/", "ipv4/ip_", "ipv4/tcp_", "ipv4/udp_", "ipv4/neigh/default/gc_"),
        *("ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter", "ipv4/conf/all/arp_"),
        *("ipv6/conf/all/disable_ipv6", "ipv6/conf/all/forwarding", "ipv6/conf/all/accept_ra"),
        "netfilter/nf_conntrack_",
    )
)
DIRECTORIES = frozenset(
    f"{NET}/{name}"
    for name in (
        *("bridge", "core", "ipv4", "ipv4/conf", "ipv4/conf/all", "ipv4/conf/default"),
        *("ipv4/neigh", "ipv4/neigh/default", "ipv6", "ipv6/conf", "ipv6/conf/all", "netfilter"),
    )
)
# A key of connections, and a key that is random at each boot.
LEFT_OUT = (f"{NET}/ipv4/tcp_fastopen_key", f"{NET}/core/netdev_rss_key")


def read(host: HostPath) -> Subtype:
    """Return settings of the node's network namespace (Documentation/networking/ip-sysctl.rst)."""
    if not host.shares_network:
        raise Unavailable(
            "the node's network namespace is not visible from here",
            why="the pod has its own (--privileged=false)",
        )
    return build_sysctl(SPEC.name, host.read_tree(NET, _is_skipped), [])


def _is_skipped(path: str) -> bool:
    return path not in DIRECTORIES and (path in LEFT_OUT or not path.startswith(KEPT))
