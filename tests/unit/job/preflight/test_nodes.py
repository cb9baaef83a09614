from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.preflight.checks import build_missing_node
from kubectl_snapshot.job.preflight.nodes import (
    build_node_query,
    detect_nodes,
    find_taints,
)
from kubectl_snapshot.job.selectors import Toleration, default_tolerations, parse_toleration

OPTIONS = JobOptions(
    "abcdefghij", "ops", node_selector={"pool": "gpu"}, tolerations=default_tolerations()
)
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
        "labelSelector": "kubernetes.io/os=linux,pool=gpu",
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


def test_a_node_that_is_not_ready_among_others_is_a_warning() -> None:
    found = detect_nodes([node("node1", "Unknown"), node("node2")], OPTIONS)
    assert (found.status, found.fix) == ("warn", "choose one with --node, as in --node node2")
    assert "node1" in found.reason


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
