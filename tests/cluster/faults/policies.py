"""Policies of a cluster or namespace, and neighbours: context managers for one scene."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tests.cluster.faults import arrange
from tests.cluster.faults.scene import IN_BACKGROUND, Scene
from tests.lab import kube
from tests.lab.machine import wait_for

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
TAINT = {"key": "faults.test/leaving", "value": "now", "effect": "NoExecute"}


@contextlib.contextmanager
def with_object(scene: Scene, path: str, body: Any) -> Iterator[None]:
    """An object of the cluster, which is deleted afterwards."""
    scene.cluster.client.call("POST", path, body)
    try:
        yield
    finally:
        scene.cluster.client.call("DELETE", f"{path}/{body['metadata']['name']}", IN_BACKGROUND)


@contextlib.contextmanager
def with_admission_policy(scene: Scene, resource: str) -> Iterator[None]:
    """A ValidatingAdmissionPolicy that denies one resource in the scene's namespace."""
    name = f"{scene.namespace}-policy"
    group = ("batch", "v1") if resource == "jobs" else ("", "v1")
    rule = {"apiGroups": [group[0]], "apiVersions": [group[1]], "resources": [resource]}
    place = {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}}
    policy = {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": place,
                "resourceRules": [{**rule, "operations": ["CREATE"]}],
            },
            "validations": [{"expression": "false", "message": "no agents on Fridays"}],
        },
    }
    binding = {
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    with (
        with_object(scene, f"{ADMISSION}/validatingadmissionpolicies", policy),
        with_object(scene, f"{ADMISSION}/validatingadmissionpolicybindings", binding),
    ):
        known = partial(arrange.is_known, scene, "no agents on Fridays", resource=resource)
        wait_for("the policy to be known", known)
        yield


@contextlib.contextmanager
def with_level(scene: Scene, level: str) -> Iterator[None]:
    """A namespace that enforces a Pod Security level."""
    labels = {"pod-security.kubernetes.io/enforce": level}
    path = f"/api/v1/namespaces/{scene.namespace}"
    scene.cluster.client.patch(path, {"metadata": {"labels": labels}})
    yield


@contextlib.contextmanager
def terminating(scene: Scene) -> Iterator[None]:
    """A namespace whose deletion a finalizer holds up."""
    held = {"metadata": {"name": "held", "finalizers": ["faults.test/held"]}}
    scene.create("configmaps", held)
    path = f"/api/v1/namespaces/{scene.namespace}"
    scene.cluster.client.call("DELETE", path)
    try:
        yield
    finally:
        free = {"metadata": {"finalizers": None}}
        scene.cluster.client.patch(scene.path("configmaps/held"), free)


@contextlib.contextmanager
def with_runtime_class(scene: Scene, edit: str = "no-handler") -> Iterator[None]:
    """A RuntimeClass whose handler no node has, and a webhook that chooses it."""
    body = {"metadata": {"name": "faults-test-no-handler"}, "handler": "nobody-made-it"}
    with with_object(scene, RUNTIME_CLASSES, body), arrange.with_webhook(scene, edit):
        yield


@contextlib.contextmanager
def with_pod(
    scene: Scene, node: str, requests: dict[str, str], labels: Any = None
) -> Iterator[None]:
    """A pod of somebody else that takes a node's resources."""
    container = {
        "name": "c",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": requests, "limits": requests},
    }
    body = {
        "metadata": {"name": "neighbour", "labels": labels or {}},
        "spec": {
            "containers": [container],
            "nodeName": node,
            "tolerations": [{"operator": "Exists"}],
            "terminationGracePeriodSeconds": 0,
        },
    }
    wait_for("the neighbour", lambda: is_neighbour_running(scene, body), pause=0.2)
    try:
        yield
    finally:
        with contextlib.suppress(kube.ApiError):
            scene.cluster.client.call("DELETE", scene.path("pods/neighbour"))


def is_neighbour_running(scene: Scene, body: dict[str, Any]) -> bool:
    """Create the neighbour, anew if the kubelet had no room for it yet; return whether it runs."""
    path = scene.path("pods/neighbour")
    try:
        phase = scene.cluster.client.get(path)["status"].get("phase")
    except kube.ApiError:
        scene.create("pods", body)
        return False
    if phase == "Failed":
        scene.cluster.client.call("DELETE", path)
    return bool(phase == "Running")


@contextlib.contextmanager
def with_neighbour(scene: Scene, edit: str) -> Iterator[None]:
    """A neighbour on node1 beside which a webhook lets no pod run."""
    labels = {"faults.test/neighbour": "yes"}
    with with_pod(scene, "node1", {"cpu": "1m"}, labels), arrange.with_webhook(scene, edit):
        yield


@contextlib.contextmanager
def with_tainted(scene: Scene, node: str, edit: str) -> Iterator[None]:
    with arrange.with_taint(scene, node), arrange.with_webhook(scene, edit):
        yield


@contextlib.contextmanager
def cordoned(scene: Scene, node: str) -> Iterator[None]:
    path = f"/api/v1/nodes/{node}"
    scene.cluster.client.patch(path, {"spec": {"unschedulable": True}})
    try:
        yield
    finally:
        scene.cluster.client.patch(path, {"spec": {"unschedulable": None}})


@contextlib.contextmanager
def untainted(scene: Scene, node: str) -> Iterator[None]:
    """A node that is tainted in the midst of the run."""
    try:
        yield
    finally:
        scene.cluster.client.patch(f"/api/v1/nodes/{node}", {"spec": {"taints": None}})


def taint(scene: Scene, node: str) -> None:
    scene.cluster.client.patch(f"/api/v1/nodes/{node}", {"spec": {"taints": [TAINT]}})


def preempt(scene: Scene, node: str) -> None:
    """Create a pod of a higher priority that needs the room of the agent's."""
    room = scene.cluster.client.get(f"/api/v1/nodes/{node}")["status"]["allocatable"]["cpu"]
    millis = int(room[:-1]) if room.endswith("m") else int(room) * 1000
    cpu = f"{millis - 20}m"
    container = {
        "name": "c",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": {"cpu": cpu}},
    }
    spec = {
        "containers": [container],
        "priorityClassName": f"{scene.namespace}-high",
        "nodeSelector": {"kubernetes.io/hostname": node},
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 0,
    }
    scene.create("pods", {"metadata": {"name": "important"}, "spec": spec})


@contextlib.contextmanager
def with_high_priority(scene: Scene) -> Iterator[None]:
    body = {"metadata": {"name": f"{scene.namespace}-high"}, "value": 1000}
    with with_object(scene, PRIORITY_CLASSES, body):
        yield
        with contextlib.suppress(kube.ApiError):
            scene.cluster.client.call("DELETE", scene.path("pods/important"))


def suspend_job(scene: Scene) -> None:
    """Suspend the running Job, as a queue does to make room (Kueue, preemption)."""
    name = scene.agent_pod()["metadata"]["labels"]["job-name"]
    path = scene.path(f"jobs/{name}", "/apis/batch/v1")
    scene.cluster.client.patch(path, {"spec": {"suspend": True}})


def both(*preparations: Callable[[Scene], Any]) -> Callable[[Scene], Any]:
    @contextlib.contextmanager
    def prepare(scene: Scene) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for preparation in preparations:
                stack.enter_context(preparation(scene))
            yield

    return prepare


def stop_api_server(scene: Scene) -> None:
    """Stop the API server until the client has ended."""
    arrange.signal_process(scene, "apiserver", goes_on=False)
    assert scene.client is not None
    client = scene.client

    def go_on() -> None:
        while client.poll() is None:
            threading.Event().wait(0.2)
        arrange.signal_process(scene, "apiserver", goes_on=True)

    threading.Thread(target=go_on, daemon=True).start()
