"""What the list of all pods tells beside their images."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes import pods
from kubectl_snapshot.collectors.kubernetes.collector import read_once
from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.errors import Absent, Unauthorized
from tests.unit.collectors.api_answers import Api

PATH = "/api/v1/pods"
SETS, PRIORITIES = pods.DaemonSets(), pods.PriorityClasses()


def pod(namespace: str, owner: str = "", kind: str = "DaemonSet", **spec: Any) -> dict[str, Any]:
    owners = [{"kind": kind, "name": owner}] if owner else []
    return {
        "metadata": {"namespace": namespace, "ownerReferences": owners},
        "spec": {"containers": [{"image": "a:1"}], **spec},
    }


def volume(name: str) -> dict[str, Any]:
    return {"name": "v", "configMap": {"name": name}}


def read(*found: dict[str, Any]) -> tuple[Api, Shared]:
    api = Api({PATH: list(found)})
    return api, Shared(list, dict, {}, read_once(lambda: pods.read_pods(api.context())))


def test_daemon_sets_have_the_images_and_settings_of_their_pods() -> None:
    device_plugin = pod(
        "gpu-operator",
        "nvidia-device-plugin",
        initContainers=[{"image": "init:2"}],
        volumes=[volume("time-slicing"), volume("kube-root-ca.crt"), {"emptyDir": {}}],
        priorityClassName="system-node-critical",
        runtimeClassName="nvidia",
    )
    rollout = pod("gpu-operator", "nvidia-device-plugin", containers=[{"image": "a:0"}])
    api, shared = read(
        device_plugin, rollout, pod("web"), pod("web", "site", "ReplicaSet"), pod("net", "cni")
    )
    name = "gpu-operator/nvidia-device-plugin"
    assert SETS.read(api.context(), shared).data == {
        f"{name}.images": "a:0,a:1,init:2",
        f"{name}.config-maps": "time-slicing",
        f"{name}.priority-class": "system-node-critical",
        f"{name}.runtime-class": "nvidia",
        "net/cni.images": "a:1",
    }


def test_priorities_are_those_of_system_pods() -> None:
    def ranked(namespace: str, name: str, value: object, owner: str = "") -> dict[str, Any]:
        return pod(namespace, owner, priorityClassName=name, priority=value)

    api, shared = read(
        ranked("kube-system", "critical", 2000001000),
        ranked("ops", "agents", -5, "agent"),
        ranked("web", "users", 7),
        ranked("kube-system", "unknown", None),
        pod("kube-system"),
    )
    found = PRIORITIES.read(api.context(), shared)
    assert found.data == {"critical": 2000001000, "agents": -5}


def test_without_any_they_are_absent() -> None:
    api, shared = read(pod("web"))
    for subtype in (SETS, PRIORITIES):
        with pytest.raises(Absent):
            subtype.read(api.context(), shared)


def test_references_come_in_the_order_of_their_last_pod() -> None:
    images = ("x:1", "y:1", "x:2", "x:1")
    found = pods.summarize(pod("web", containers=[{"image": image}]) for image in images)
    assert list(found.references) == ["y:1", "x:2", "x:1"]


def test_pods_are_listed_once_also_if_that_fails() -> None:
    api = Api({PATH: Unauthorized("cannot list pods")})
    shared = Shared(list, dict, {}, read_once(lambda: pods.read_pods(api.context())))
    for subtype in (SETS, PRIORITIES):
        with pytest.raises(Unauthorized):
            subtype.read(api.context(), shared)
    assert api.asked == [("LIST", PATH)]
