"""Which settings below /proc/sys/net are read, and of whose network namespace."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.operating_system.sysctl_net import SPEC, read
from kubectl_snapshot.errors import Unavailable

READ = {
    "core/somaxconn": "4096",
    "bridge/bridge-nf-call-iptables": "1",
    "ipv4/ip_forward": "1",
    "ipv4/tcp_rmem": "4096\t131072\t6291456",
    "ipv4/udp_mem": "1 2 3",
    "ipv4/neigh/default/gc_thresh3": "1024",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/all/arp_ignore": "1",
    "ipv4/conf/default/rp_filter": "2",
    "ipv6/conf/all/disable_ipv6": "0",
    "ipv6/conf/all/forwarding": "1",
    "ipv6/conf/all/accept_ra": "1",
    "netfilter/nf_conntrack_max": "262144",
}
LEFT_OUT = {
    "core/netdev_rss_key": "6d:5a",
    "ipv4/tcp_fastopen_key": "00000000-00000000-00000000-00000001",
    "ipv4/conf/veth12ab/rp_filter": "0",
    "ipv4/conf/default/arp_ignore": "0",
    "ipv4/neigh/eth0/gc_stale_time": "60",
    "ipv4/route/flush": "",
    "ipv6/conf/all/stable_secret": "2001:db8::1",
    "ipv6/conf/eth0/forwarding": "0",
    "netfilter/nf_log/2": "NONE",
    "unix/max_dgram_qlen": "512",
}


@pytest.fixture
def host(tmp_path: Path) -> HostPath:
    for name, text in {**READ, **LEFT_OUT}.items():
        path = tmp_path / "proc/sys/net" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return HostPath(str(tmp_path))


def test_settings_of_the_stack_are_read_and_none_of_an_interface_or_key(host: HostPath) -> None:
    found = read(host)
    assert (found.name, found.context) == (SPEC.name, {})
    assert found.data == {f"/proc/sys/net/{name}": text for name, text in READ.items()}


def test_settings_of_a_pods_namespace_are_never_passed_off_as_the_nodes(host: HostPath) -> None:
    with pytest.raises(Unavailable) as caught:
        read(HostPath(host.root, shares_network=False))
    assert "--privileged=false" in caught.value.why
