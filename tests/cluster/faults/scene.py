"""The scene of one fault: its namespace, its client, and provocations while the agent runs."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.faults import nodes
from tests.cluster.faults.servers import Servers
from tests.cluster.support import KIT, Cluster
from tests.lab import kube
from tests.lab.machine import PATIENCE_S as RUNS_S
from tests.lab.machine import wait_for

# Longer than the client waits for a node without --wait-for-schedule.
HELD_S = 7
IN_BACKGROUND = {
    "apiVersion": "v1",
    "kind": "DeleteOptions",
    "propagationPolicy": "Background",
}


@dataclass
class Scene:
    """The scene of a fault. `kubeconfig` is the client's, empty for the administrator's."""

    cluster: Cluster
    servers: Servers
    namespace: str
    directory: Path
    kubeconfig: str = ""
    client: subprocess.Popen[str] | None = None

    def path(self, resource: str, group: str = "/api/v1") -> str:
        return f"{group}/namespaces/{self.namespace}/{resource}"

    def create(self, resource: str, body: Any, group: str = "/api/v1") -> Any:
        return self.cluster.client.call("POST", self.path(resource, group), body)

    def delete(self, path: str) -> None:
        self.cluster.client.call("DELETE", path, IN_BACKGROUND)

    def agent_pod(self) -> Any:
        """Return the agent's pod, or an empty object."""
        items = self.cluster.client.get(self.path("pods"))["items"]
        return items[0] if items else {}

    def is_running(self) -> bool:
        """Return whether the agent has printed something and still runs."""
        pod = self.agent_pod()
        statuses = pod.get("status", {}).get("containerStatuses", [])
        if not any("running" in status["state"] for status in statuses):
            return False
        with contextlib.suppress(kube.ApiError):
            return bool(self.cluster.client.raw("GET", f"{self.pod_path(pod)}/log"))
        return False

    def pod_path(self, pod: Any) -> str:
        return f"{self.path('pods')}/{pod['metadata']['name']}"


def delete_job(scene: Scene) -> None:
    name = scene.agent_pod()["metadata"]["labels"]["job-name"]
    scene.delete(scene.path(f"jobs/{name}", "/apis/batch/v1"))


def delete_pod(scene: Scene) -> None:
    scene.delete(scene.pod_path(scene.agent_pod()))


def delete_namespace(scene: Scene) -> None:
    scene.delete(f"/api/v1/namespaces/{scene.namespace}")


def delete_account(scene: Scene) -> None:
    """Revoke the client's token: it is bound to its service account."""
    scene.delete(scene.path("serviceaccounts/reader"))


def evict(scene: Scene) -> None:
    """Evict the pod as `kubectl drain` does (policy/v1 Eviction)."""
    path = scene.pod_path(scene.agent_pod())
    name = path.rpartition("/")[2]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    scene.cluster.client.call("POST", f"{path}/eviction", body)


def break_node(scene: Scene, node: str, what: str) -> None:
    nodes.break_node(scene.cluster, node, what)


def restart_api_server(scene: Scene) -> None:
    """Restart the API server through the lab's command, so that it is no child of the tests."""
    name = scene.cluster.require_lab().name
    command = [sys.executable, "-B", str(KIT), "restart", "apiserver", "--name", name]
    subprocess.run(command, check=True)


def resume_job(scene: Scene) -> None:
    """Resume the suspended Job as a queue does, once the client has started it."""
    jobs = scene.path("jobs", "/apis/batch/v1")

    def find() -> list[str]:
        items = scene.cluster.client.get(jobs)["items"]
        return [job["metadata"]["name"] for job in items if job["spec"]["parallelism"] == 1]

    (name,) = wait_for("the Job to be started", find, RUNS_S)
    threading.Event().wait(HELD_S)
    scene.cluster.client.patch(f"{jobs}/{name}", {"spec": {"suspend": False}})


def lift_object_quota(scene: Scene) -> None:
    """Delete the quota after it rejected an object of the run."""
    threading.Event().wait(HELD_S)
    scene.delete(scene.path("resourcequotas/tight"))


def orphan_pod(scene: Scene) -> None:
    """Delete the Job as `kubectl delete --cascade=orphan` does."""
    name = scene.agent_pod()["metadata"]["labels"]["job-name"]
    options = {**IN_BACKGROUND, "propagationPolicy": "Orphan"}
    path = scene.path(f"jobs/{name}", "/apis/batch/v1")
    scene.cluster.client.call("DELETE", path, options)


def send_signal(scene: Scene, number: signal.Signals) -> None:
    assert scene.client is not None
    scene.client.send_signal(number)


def label_node_late(scene: Scene, node: str, label: str) -> None:
    """Label a node as the pod requires, long after it became unschedulable."""

    def is_refused() -> bool:
        conditions = scene.agent_pod().get("status", {}).get("conditions", [])
        return any(c.get("reason") == "Unschedulable" for c in conditions)

    wait_for("the pod to be unschedulable", is_refused, RUNS_S)
    threading.Event().wait(HELD_S)
    scene.cluster.client.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {label: "yes"}}})


def lift_quota(scene: Scene) -> None:
    """Delete the quota after it rejected the Job controller's pod."""

    def is_refused() -> bool:
        events = scene.cluster.client.get(scene.path("events"))["items"]
        return any(event["reason"] == "FailedCreate" for event in events)

    wait_for("the pod to be refused", is_refused, RUNS_S)
    scene.delete(scene.path("resourcequotas/tight"))
