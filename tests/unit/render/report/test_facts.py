from __future__ import annotations

import pytest

from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.report.facts import (
    build_facts,
    build_index,
    find_node_name,
    find_taints,
)
from tests.unit.render.pages import BAD, GOOD


def facts(snapshot: Snapshot, node: str = "gpu-17") -> dict[str, tuple[str, str]]:
    index = build_index(snapshot)
    metadata = {"mode": "agent", "source-node": node}
    return {fact.label: (fact.text, fact.note) for fact in build_facts(index, metadata)}


def of(type_: str, *subtypes: Subtype) -> Snapshot:
    return Snapshot({}, (Measurement(type_, subtypes),))


def test_a_node_is_reported_in_fourteen_facts() -> None:
    assert facts(GOOD) == {
        "GPUs": ("8 of 8 answer", "8 × NVIDIA H100 80GB HBM3"),
        "Driver": ("580.105.08", "open kernel module, CUDA 13.0"),
        "Kernel": ("6.8.0-1041-nvidia", ""),
        "Operating system": ("Ubuntu 24.04.3 LTS", ""),
        "Kubernetes": ("v1.34.2", "kubelet v1.34.2"),
        "Container runtime": ("containerd://2.1.5", ""),
        "CPU and memory": ("224 CPUs, 2016 GiB", ""),
        "Allocatable": ("8 nvidia.com/gpu", "223 cpu, 110 pods, 2015 GiB memory"),
        "NICs": ("9 of 9 up", "1 × 200 Gb/s, 8 × 400 Gb/s, 8 of 8 RDMA ports active"),
        "Units": ("4 active", ""),
        "Nodes in the cluster": ("11", ""),
        "Taints of this node": ("nvidia.com/gpu=present:NoSchedule", ""),
        "Helm releases": ("2", "gpu-operator v25.10.0, network-operator 25.7.0"),
        "Argo CD applications": ("1", "platform Synced Healthy"),
    }


def test_what_is_not_known_has_its_reason_and_no_value() -> None:
    reported = facts(BAD, "gpu-23")
    assert reported["GPUs"] == ("7 of 8 answer", "7 × NVIDIA H100 80GB HBM3")
    assert reported["Units"] == ("2 active, 1 failed", "nvidia-fabricmanager.service")
    text, note = reported["Helm releases"]
    assert (text, note[:39]) == ("", "K8s.helm is forbidden: cannot list secr")


def test_an_empty_document_knows_nothing() -> None:
    assert {text for text, _ in facts(Snapshot()).values()} == {""}


@pytest.mark.parametrize(
    ("subtype", "text"),
    [
        (Subtype("hardware", {"gpu-count": 0}, {"status": "absent", "reason": "r"}), "none"),
        (Subtype("hardware", {}, {"status": "unavailable", "reason": "r"}), ""),
        (Subtype("smi", {"gpu-count": 4, "gpu.model": "H100"}), "4"),
    ],
)
def test_gpus_are_counted_only_where_somebody_counted(subtype: Subtype, text: str) -> None:
    assert facts(of("GPU", subtype))["GPUs"][0] == text


def test_looking_for_releases_nowhere_is_not_finding_none() -> None:
    reason = "no namespace was named with --helm-namespace"
    helm = Subtype("helm", {}, {"reason": reason})
    assert facts(of("K8s", helm))["Helm releases"] == ("", reason)
    helm = Subtype("helm", {}, {"status": "absent", "reason": "there is none"})
    assert facts(of("K8s", helm))["Helm releases"] == ("none", "K8s.helm is absent: there is none")


def test_taints_are_those_whose_lists_have_the_node() -> None:
    data = {"a": "NoSchedule|x|gpu-1,gpu-17", "b.NoExecute": "|gpu-2", "c": "NoSchedule||gpu-171"}
    assert facts(of("NodeTopology", Subtype("taint", data)))["Taints of this node"] == (
        "a=x:NoSchedule",
        "",
    )
    assert facts(of("NodeTopology", Subtype("taint")))["Taints of this node"] == ("none", "")


def test_a_list_of_nodes_that_is_cut_leaves_open_whether_this_one_is_in_it() -> None:
    taint = Subtype(
        "taint", {"a": "NoSchedule||gpu-1 (+3 more)", "b": "NoSchedule||gpu-17 (+3 more)"}
    )
    assert facts(of("NodeTopology", taint))["Taints of this node"] == (
        "b:NoSchedule",
        "possibly also a:NoSchedule (truncated node lists)",
    )


def test_a_taint_that_shares_an_entry_is_found_in_the_context() -> None:
    collided = {"a.b#1": "a.b|x|NoSchedule|gpu-1", "a.b#2": "a|y|b|gpu-17", "elapsed-ms": "1"}
    index = build_index(
        of("NodeTopology", Subtype("taint", {"a.b": "NoSchedule|x|gpu-1"}, collided))
    )
    assert [taint.text for taint in find_taints(index)] == ["a.b=x:NoSchedule", "a=y:b"]


def test_a_host_name_alone_is_no_name_of_a_node() -> None:
    local = {"mode": "local", "source-node": "laptop"}
    assert find_node_name({}, local) == ""
    assert find_node_name({}, {**local, "mode": "agent"}) == "laptop"
    index = {"K8s.node": Subtype("node", {"source-node": "gpu-17"})}
    assert find_node_name(index, local) == "gpu-17"


def test_a_user_value_is_no_release() -> None:
    data = {"a.b.namespace": "x", "a.b.version": "1", "a.b.values.c.namespace": "y"}
    partial = {"status": "partial", "reason": "one is broken"}
    assert facts(of("K8s", Subtype("helm", data, partial)))["Helm releases"] == (
        "1",
        "a.b 1, K8s.helm is partial: one is broken",
    )


@pytest.mark.parametrize(
    ("data", "size", "allocatable"),
    [
        (
            {"capacity.cpu": "1", "capacity.memory": "16Gi", "allocatable.memory": "2048"},
            ("1 CPU, 16Gi", ""),
            ("no GPU", "2048 memory"),
        ),
        (
            {"capacity.cpu": "8", "unschedulable": True, "allocatable.pods": "110"},
            ("8 CPUs", ""),
            ("no GPU", "cordoned, 110 pods"),
        ),
        (
            {"allocatable.nvidia.com/mig-1g.5gb": "7", "allocatable.cpu": "7910m"},
            ("", "not in the snapshot"),
            ("7 nvidia.com/mig-1g.5gb", "7910m cpu"),
        ),
    ],
)
def test_what_a_node_has_and_what_pods_get_of_it(
    data: dict[str, str | bool], size: tuple[str, str], allocatable: tuple[str, str]
) -> None:
    found = facts(of("K8s", Subtype("node-status", data)))
    assert (found["CPU and memory"], found["Allocatable"]) == (size, allocatable)


def test_cards_that_are_down_and_ports_that_are_not_active_are_counted() -> None:
    card = {"pci-address": "0000:18:00.0"}
    found = of(
        "Network",
        Subtype("interface-lo", {"operstate": "up"}),
        Subtype("interface-eth0", {**card, "operstate": "up", "speed-mbps": 2500}),
        Subtype("interface-eth1", {**card, "operstate": "down", "speed-mbps": 100000}),
        Subtype("rdma-mlx5_0", {"port.1.state": "ACTIVE", "port.2.state": "DOWN"}),
        Subtype("rdma-mlx5_1", {"port.1.state": "INIT", "port.1.phys-state": "LinkUp"}),
    )
    assert facts(found)["NICs"] == ("1 of 2 up", "1 × 2.5 Gb/s, 1 of 3 RDMA ports active")
    without = facts(of("Network", Subtype("interface-lo", {"operstate": "up"})))
    assert without["NICs"] == ("", "not in the snapshot")
