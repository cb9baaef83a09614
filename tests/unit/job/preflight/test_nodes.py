from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.preflight.checks import build_missing_node
from kubectl_snapshot.job.preflight.nodes import (
    build_node_query,
    choose_nodes,
    describe_node,
    detect_gpu_request,
    detect_nodes,
    find_offering_nodes,
    find_taints,
    has_gpu,
    is_virtual,
    take_recursive_read_only,
)
from kubectl_snapshot.job.selectors import Toleration, default_tolerations, parse_toleration

OPTIONS = JobOptions(
    "abcdefghij", "ops", node_selector={"pool": "gpu"}, tolerations=default_tolerations()
)
FREE = JobOptions("abcdefghij", "ops")
GPU_TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def node(name: str, ready: str = "True", gpus: str = "", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "allocatable": {"nvidia.com/gpu": gpus} if gpus else {},
        },
    }


def test_the_node_query_has_the_pods_selectors() -> None:
    assert build_node_query(replace(OPTIONS, node_name="node1")) == {
        "labelSelector": "pool=gpu,kubernetes.io/os=linux",
        "fieldSelector": "metadata.name=node1",
    }


def test_no_node_of_the_selector_is_not_found() -> None:
    found = detect_nodes([], OPTIONS)
    assert isinstance(found.error, errors.NotFound)
    assert "pool=gpu" in found.reason


def test_nodes_that_take_the_pod_are_named_a_few_and_the_rest_counted() -> None:
    found = detect_nodes([node(f"node{index}") for index in range(1, 6)], OPTIONS)
    assert (found.status, found.reason) == (
        "ok",
        "5 can run the pod: node1, node2, node3 and 2 more",
    )


def test_untolerated_taints_are_in_the_syntax_of_the_flag() -> None:
    options = replace(OPTIONS, tolerations=(parse_toleration("other:NoSchedule"),))
    found = detect_nodes([node("node1", taints=[GPU_TAINT])], options)
    assert isinstance(found.error, errors.NotFound)
    assert "--toleration dedicated=gpu:NoSchedule" in found.fix


def test_one_untainted_node_is_enough() -> None:
    options = replace(OPTIONS, tolerations=(parse_toleration("other:NoSchedule"),))
    nodes = [node("node1", taints=[GPU_TAINT]), node("node2")]
    assert detect_nodes(nodes, options).reason == "1 can run the pod: node2"


@pytest.mark.parametrize(
    ("toleration", "is_kept"),
    [
        ("dedicated=gpu:NoSchedule", False),
        ("dedicated:NoSchedule", False),
        (":NoSchedule", False),
        ("dedicated=cpu:NoSchedule", True),
        ("dedicated=gpu:NoExecute", True),
        ("other:NoSchedule", True),
    ],
)
def test_a_toleration_matches_as_in_the_scheduler(toleration: str, is_kept: bool) -> None:
    tainted = node("node1", taints=[GPU_TAINT])
    assert bool(find_taints(tainted, [parse_toleration(toleration)])) is is_kept


def test_prefer_no_schedule_does_not_prevent_scheduling() -> None:
    soft = node("node1", taints=[{**GPU_TAINT, "effect": "PreferNoSchedule"}])
    assert find_taints(soft, [parse_toleration("other:NoSchedule")]) == []


def test_a_cordoned_node_is_a_tainted_one() -> None:
    cordoned = node("node1", unschedulable=True)
    wanted = [parse_toleration("other:NoSchedule")]
    assert find_taints(cordoned, wanted) == ["node.kubernetes.io/unschedulable:NoSchedule"]
    assert find_taints(cordoned, [Toleration()]) == []


@pytest.mark.parametrize("ready", ["False", "Unknown"])
def test_no_ready_node_is_unavailable(ready: str) -> None:
    found = detect_nodes([node("node1", ready)], OPTIONS)
    assert isinstance(found.error, errors.ServiceUnavailable)
    assert "node1" in found.reason


def test_a_node_that_is_not_ready_is_not_taken_if_others_are() -> None:
    nodes = [node("node1", "Unknown"), node("node2")]
    assert detect_nodes(nodes, OPTIONS).reason == "1 can run the pod: node2"
    chosen = choose_nodes(nodes, FREE)
    assert (chosen.excluded_nodes, chosen.gpu_nodes) == (("node1",), ())
    # Nothing else to take: the scheduler decides, and the run says what became of it.
    assert choose_nodes(nodes[:1], FREE) == FREE


@pytest.mark.parametrize(
    "made",
    [
        {"labels": {"type": "virtual-kubelet"}},
        {"labels": {"type": "kwok"}},
        {"labels": {"eks.amazonaws.com/compute-type": "fargate"}},
        {"annotations": {"kwok.x-k8s.io/node": "fake"}},
        {"taints": [{"key": "virtual-kubelet.io/provider", "effect": "NoSchedule"}]},
        {"taints": [{"key": "kwok.x-k8s.io/node", "effect": "NoSchedule"}]},
        {"providerID": "kwok://node1"},
    ],
)
def test_a_virtual_node_is_not_taken(made: dict[str, Any]) -> None:
    spec = {key: value for key, value in made.items() if key in ("taints", "providerID")}
    virtual = node("node1", **spec)
    virtual["metadata"].update({key: made[key] for key in made if key not in spec})
    nodes = [virtual, node("node2")]
    assert is_virtual(virtual)
    assert choose_nodes(nodes, FREE).excluded_nodes == ("node1",)
    assert detect_nodes(nodes, FREE).reason == "1 can run the pod: node2"
    assert detect_nodes(nodes[:1], FREE).status == "ok"
    assert describe_node(virtual).startswith("node node1 is virtual")


@pytest.mark.parametrize(
    "made",
    [
        {"labels": {"type": "worker", "eks.amazonaws.com/compute-type": "ec2"}},
        {"labels": {"kubernetes.io/role": "agent"}, "annotations": {"node.alpha/ttl": "0"}},
    ],
)
def test_other_labels_make_no_node_virtual(made: dict[str, Any]) -> None:
    real = node("node1", providerID="aws:///i-1", taints=[GPU_TAINT])
    real["metadata"].update(made)
    assert not is_virtual(real)
    assert describe_node(real) == ""


@pytest.mark.parametrize(
    ("resources", "labels", "found"),
    [
        ({"nvidia.com/gpu": "8"}, {}, True),
        ({"nvidia.com/gpu.shared": "16"}, {}, True),
        ({"nvidia.com/mig-1g.10gb": "7", "nvidia.com/gpu": "0"}, {}, True),
        ({"nvidia.com/gpu": "0"}, {}, False),
        ({"amd.com/gpu": "8", "cpu": "4"}, {}, False),
        ({}, {"feature.node.kubernetes.io/pci-10de.present": "true"}, True),
        ({}, {"cloud.google.com/gke-accelerator": "nvidia-l4"}, True),
        ({}, {"pool": "gpu"}, False),
    ],
)
def test_gpu_nodes_are_known_by_resources_and_labels(
    resources: dict[str, str], labels: dict[str, str], found: bool
) -> None:
    gpu = node("node1")
    gpu["status"]["allocatable"] = resources
    gpu["metadata"]["labels"] = labels
    assert has_gpu(gpu) is found
    assert choose_nodes([gpu, node("node2")], FREE).gpu_nodes == (("node1",) if found else ())


def answer(*specs: dict[str, Any] | None) -> Response:
    return Response(200, {"items": [{"spec": spec} for spec in specs]})


def test_resource_slices_name_the_nodes_that_offer_gpus() -> None:
    device = {"name": "gpu-0"}
    listed = answer(
        {"driver": "gpu.nvidia.com", "nodeName": "node2", "devices": [device]},
        {"driver": "gpu.nvidia.com", "nodeName": "node1", "devices": [device, device]},
        {"driver": "gpu.nvidia.com", "nodeName": "node2", "devices": [device]},
        {"driver": "gpu.nvidia.com", "nodeName": "node3", "devices": []},
        {"driver": "gpu.nvidia.com", "allNodes": True, "devices": [device]},
        None,
    )
    assert find_offering_nodes(listed) == ("node1", "node2")
    assert find_offering_nodes(Response(200, {"items": None})) == ()
    assert find_offering_nodes(errors.Unauthorized("forbidden")) == ()
    assert find_offering_nodes(None) == ()


def test_a_node_that_offers_gpus_by_dra_is_a_gpu_node() -> None:
    nodes = [node("node1"), node("node2", gpus="8"), node("node3"), node("node4", "False")]
    options = replace(FREE, gpu_nodes=("node1", "node4"))
    assert choose_nodes(nodes, options).gpu_nodes == ("node1", "node2")
    assert detect_nodes(nodes, options).reason.endswith("it prefers one with GPUs: node1, node2")


def test_a_required_gpu_on_a_dra_node_says_how_it_offers_them() -> None:
    options = replace(FREE, require_gpu=True, gpu_nodes=("node1",))
    found = detect_gpu_request([node("node1"), node("node2")], options)
    assert found is not None
    assert "which has ResourceSlices (DRA)" in found.reason
    assert found.fix.startswith("omit --require-gpu")
    other = detect_gpu_request([node("node2")], options)
    assert other is not None
    assert "DRA" not in other.reason


def test_the_nodes_with_gpus_are_named_as_preferred() -> None:
    nodes = [node("node1"), node("node2", gpus="8")]
    text = "2 can run the pod: node1, node2"
    assert detect_nodes(nodes, FREE).reason == f"{text}; it prefers one with GPUs: node2"
    assert detect_nodes(nodes, OPTIONS).reason == text


def test_a_named_node_that_is_not_ready_is_warned_of() -> None:
    dead = node("node1", "Unknown")
    dead["status"]["conditions"][0].update(reason="NodeStatusUnknown", lastTransitionTime="T")
    assert describe_node(dead) == (
        "node node1 is not Ready (NodeStatusUnknown since T); trying it, as it was asked for"
    )
    dead["status"] = {}
    assert describe_node(dead) == "node node1 is not Ready; trying it, as it was asked for"


def test_a_required_gpu_on_mig_nodes_names_the_resources_there_are() -> None:
    mig = node("node1")
    mig["status"]["allocatable"] = {"nvidia.com/mig-1g.10gb": "7", "nvidia.com/mig-3g.40gb": "1"}
    options = replace(FREE, require_gpu=True)
    found = detect_gpu_request([mig], options)
    assert found is not None
    assert "which has nvidia.com/mig-1g.10gb, nvidia.com/mig-3g.40gb" in found.reason
    assert found.fix.startswith("omit --require-gpu: a privileged pod reads every GPU")
    assert detect_gpu_request([mig, node("node2", gpus="1")], options) is None
    assert detect_gpu_request([mig], FREE) is None
    assert detect_gpu_request([], options) is None


@pytest.mark.parametrize(("gpus", "status"), [("", "fail"), ("0", "fail"), ("8", "ok")])
def test_a_required_gpu_must_be_allocatable(gpus: str, status: str) -> None:
    options = replace(OPTIONS, require_gpu=True)
    check = detect_nodes([node("node1", gpus=gpus)], options)
    assert check.status == status
    assert check.error is None or isinstance(check.error, errors.NotFound)


@pytest.mark.parametrize(
    ("name", "names", "what", "hint"),
    [
        ("nod2", ["node1", "node2"], "; did you mean node2?", "use --node node2"),
        ("gpu-17", ["node1", "node2"], "", "list them with `kubectl get nodes`"),
        ("gpu-17", [], "", "list them with `kubectl get nodes`"),
    ],
)
def test_a_missing_node_is_reported_with_the_one_that_was_meant(
    name: str, names: list[str], what: str, hint: str
) -> None:
    error = build_missing_node(name, names)
    assert (error.what, error.hint) == (f'node "{name}" not found{what}', hint)


@pytest.mark.parametrize(
    ("runtimes", "expected"),
    [
        ((), False),
        (("containerd://2.1.4",), True),
        (("cri-o://1.34.0",), False),
        (("containerd://2.1.4", "docker://28.1.1"), True),
        (("containerd://2.1.4", "cri-o://1.34.0"), False),
        (("containerd://2.1.4", ""), False),
    ],
)
def test_cri_o_and_an_unknown_runtime_get_no_recursively_read_only_mount(
    runtimes: tuple[str, ...], expected: bool
) -> None:
    infos = [{"containerRuntimeVersion": text} if text else {} for text in runtimes]
    nodes = [{"metadata": {"name": "a"}, "status": {"nodeInfo": info}} for info in infos]
    assert take_recursive_read_only(nodes) is expected


def test_a_node_without_status_has_an_unknown_runtime() -> None:
    assert not take_recursive_read_only([{"metadata": {"name": "a"}}])
