"""The Network measurement of a real node against what `ip` and the kernel's own tools say there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kubectl_snapshot.collectors.all_findings import find_all
from kubectl_snapshot.document.findings.spec import CRITICAL, INFO
from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

NODE = "node2"
# A bridge with one member, and a tunnel: kinds that this kernel makes without a module.
MADE = (
    "ip link add snap0 type bridge",
    "ip link add snap1 type vxlan id 5 dstport 4789",
    "ip link set snap1 master snap0 mtu 1380",
    "ip link set snap0 up",
    "ip link add vethsnap type veth peer name vethpans",
)


@pytest.fixture(scope="module")
def links(cluster: Cluster) -> Iterator[list[dict[str, Any]]]:
    """The links of the node as `ip` shows them, while the made ones are there."""
    cluster.require_lab()
    cluster.node_exec(NODE, "sh", "-ec", "; ".join(MADE))
    try:
        yield json.loads(cluster.node_exec(NODE, "ip", "-j", "-d", "link"))
    finally:
        cluster.node_exec(NODE, "sh", "-c", "ip link del vethsnap; ip link del snap1")
        cluster.node_exec(NODE, "ip", "link", "del", "snap0")


def capture(run: Run, namespace: str, *words: str) -> Snapshot:
    ended = run("-n", namespace, "--node", NODE, *words)
    assert ended.returncode == 0, ended.stderr
    return parse_valid(ended.stdout)


def expected(link: dict[str, Any]) -> dict[str, Any]:
    """Return the readings of a link, from what `ip -j -d link` has of it."""
    found = {
        "mac-address": link["address"],
        "mtu": link["mtu"],
        "operstate": link["operstate"].lower(),
        "tx-queue-length": link["txqlen"],
        "master": link.get("master", ""),
        "kind": link["linkinfo"]["info_kind"] if link["ifname"] != "eth0" else "",
    }
    return {key: value for key, value in found.items() if value not in ("", "unknown")}


def read_features(cluster: Cluster, name: str) -> dict[str, bool]:
    """Return the offloads of an interface as `ethtool` shows them: `scatter-gather: on [fixed]`."""
    lines = cluster.node_exec(NODE, "ethtool", "--show-features", name).splitlines()[1:]
    pairs = [line.strip().split(": ") for line in lines]
    return {key: text.startswith("on") for key, text in pairs}


def test_interfaces_are_those_of_the_node_as_ip_shows_them(
    cluster: Cluster, run_snapshot: Run, namespace: str, links: list[dict[str, Any]]
) -> None:
    (network,) = (
        m
        for m in capture(run_snapshot, namespace, "--collect", "Network").measurements
        if m.type == "Network"
    )
    interfaces = [s for s in network.subtypes if s.name.startswith("interface-")]
    found = {s.name.partition("-")[2]: s for s in interfaces}
    assert "elapsed-ms" in found["eth0"].context
    by_name = {link["ifname"]: link for link in links}
    cables = [
        name
        for name, link in by_name.items()
        if link.get("linkinfo", {}).get("info_kind") == "veth" and name != "eth0"
    ]
    assert set(found) == set(by_name) - {"lo"} - set(cables)
    assert {"eth0", "snap0", "snap1"} <= set(found)
    rows = 0
    for name, interface in found.items():
        wanted = expected(by_name[name])
        data = dict(interface.data)
        members = [link["ifname"] for link in links if link.get("master") == name]
        assert data.pop("members", "").split(",") == (sorted(members) or [""])
        # Of a virtual cable: `ip` has neither.
        assert {data.pop("speed-mbps", 10000), data.pop("duplex", "full")} == {10000, "full"}
        offloads = {key: data.pop(key) for key in interface.data if key.startswith("offload.")}
        told = read_features(cluster, name)
        assert offloads == {key: told[key.partition(".")[2]] for key in offloads}
        assert len(offloads) >= 10
        assert data == wanted
        rows += len(wanted) + len(offloads)
    assert rows >= 40


def test_settings_of_the_stack_are_those_of_the_nodes_namespace(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    found = subtype(capture(run_snapshot, namespace, "--collect", "OS"), "OS", "sysctl-net").data
    assert found["/proc/sys/net/core/somaxconn"] == "2002"
    files = [path for path in found if not path.endswith("nf_conntrack_count")]
    told = cluster.node_exec(NODE, "grep", "-H", "", *files).splitlines()
    expected = dict(line.split(":", 1) for line in told)
    assert {path: str(found[path]).split() for path in files} == {
        path: text.split() for path, text in expected.items()
    }
    assert len(files) > 100


def test_without_the_nodes_namespace_nothing_is_passed_off_as_its_own(
    run_snapshot: Run, restricted_namespace: str
) -> None:
    snapshot = capture(run_snapshot, restricted_namespace, "--privileged=false")
    for type_, name in (("Network", "proximity"), ("OS", "sysctl-net")):
        found = subtype(snapshot, type_, name)
        assert (found.data, found.status) == ({}, "unavailable")
        assert "--privileged=false" in found.context["reason"]
    findings = find_all(snapshot)
    # What could not be read is unknown, and no alarm.
    assert [f.spec.id for f in findings.found if f.spec.severity != INFO] == []
    assert findings.is_unknown((CRITICAL,))


def test_captures_of_an_idle_node_do_not_differ(
    run_snapshot: Run, namespace: str, tmp_path: Any
) -> None:
    names = [str(tmp_path / f"{number}.yaml") for number in range(3)]
    for name in names:
        capture(run_snapshot, namespace, "-o", "yaml", "-o", name)
    # The pods' bridge goes down with the last pod, that of the test before.
    ignored = ("--ignore", "Network.interface-*.operstate")
    for name in names[1:]:
        ended = run_snapshot("diff", names[0], name, *ignored)
        assert ended.returncode == 0, ended.stdout
