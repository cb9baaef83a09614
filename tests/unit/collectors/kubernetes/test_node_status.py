"""Resources, conditions and annotations of a node."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes.node_status import build_status
from kubectl_snapshot.errors import Unauthorized
from tests.unit.collectors.api_answers import Api
from tests.unit.collectors.cluster_answers import NODE, VERSION, collect

STATUS: dict[str, Any] = {
    "metadata": {
        "annotations": {
            "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock",
            "nvidia.com/gpu-driver-upgrade-enabled": "true",
            "machineconfiguration.openshift.io/currentConfig": "rendered-worker-1",
            "machineconfiguration.openshift.io/reason": "password=hunter2",
            "example.com/notes": "call Jane",
        }
    },
    "spec": {"unschedulable": True},
    "status": {
        "capacity": {"cpu": "224", "memory": "2113525444Ki", "nvidia.com/gpu": "8", "pods": 110},
        "allocatable": {"cpu": "223", "nvidia.com/gpu": "7"},
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "kubelet is posting ready status",
                "lastHeartbeatTime": "2026-11-28T20:00:00Z",
                "lastTransitionTime": "2026-11-01T10:00:00Z",
            },
            {"type": "DiskPressure", "status": "False"},
        ],
    },
}


def test_resources_conditions_and_chosen_annotations_are_read() -> None:
    assert build_status(STATUS).data == {
        "unschedulable": True,
        "capacity.cpu": "224",
        "capacity.memory": "2113525444Ki",
        "capacity.nvidia.com/gpu": "8",
        "capacity.pods": "110",
        "allocatable.cpu": "223",
        "allocatable.nvidia.com/gpu": "7",
        "condition.Ready.status": "True",
        "condition.Ready.reason": "KubeletReady",
        "condition.Ready.since": "2026-11-01T10:00:00Z",
        "condition.DiskPressure.status": "False",
        "annotation.kubeadm.alpha.kubernetes.io/cri-socket": (
            "unix:///run/containerd/containerd.sock"
        ),
        "annotation.nvidia.com/gpu-driver-upgrade-enabled": "true",
        "annotation.machineconfiguration.openshift.io/currentConfig": "rendered-worker-1",
    }


@pytest.mark.parametrize(
    "node", [{}, {"status": None}, {"status": {"conditions": "x", "capacity": []}}, {"spec": []}]
)
def test_a_node_without_a_status_may_be_scheduled_and_has_nothing_else(node: Any) -> None:
    assert build_status(node).data == {"unschedulable": False}


def test_only_a_cordon_that_the_server_states_counts() -> None:
    assert build_status({"spec": {"unschedulable": "true"}}).data == {"unschedulable": False}


def test_the_node_is_asked_for_once() -> None:
    api = Api({"/version": VERSION, "/api/v1/nodes/gpu-a1": {**NODE, **STATUS}})
    from kubectl_snapshot.collectors.kubernetes import collector

    found = {s.name: s for s in collector.collect(api.context(node_name="gpu-a1"))}
    assert [path for _, path in api.asked].count("/api/v1/nodes/gpu-a1") == 1
    assert found["node-status"].data["capacity.nvidia.com/gpu"] == "8"


def test_a_refused_node_has_no_status_either() -> None:
    refused = Unauthorized("cannot read node gpu-a1", why="nodes is forbidden", status=403)
    found = collect({"/version": VERSION, "/api/v1/nodes/gpu-a1": refused})["node-status"]
    assert (found.data, found.status) == ({}, "forbidden")
