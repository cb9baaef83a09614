"""What the faults' webhooks do to an object: each edit changes it in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubectl_snapshot.constants import NAME, RUN_LABEL

Edit = Callable[[dict[str, Any]], object]

HOST_NAMESPACES = ("hostNetwork", "hostIPC", "hostPID")
# Runs the command line that follows, as a secrets injector does.
WRAPPER = ["/bin/sh", "-c", 'exec "$0" "$@"']
STOCK_IMAGE = "docker.io/library/python:3.11-slim"


def agents(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the agent's container, unless the pod is a probe of the tests."""
    found: list[dict[str, Any]] = pod["spec"]["containers"]
    return [container for container in found if container["name"] == NAME]


def drop_host_namespaces(pod: dict[str, Any]) -> None:
    for name in HOST_NAMESPACES:
        pod["spec"].pop(name, None)


def drop_host_root(pod: dict[str, Any]) -> None:
    for items in (pod["spec"].get("volumes", []), *(c["volumeMounts"] for c in agents(pod))):
        items[:] = [item for item in items if item["name"] != "host"]


def drop_privileges(pod: dict[str, Any]) -> None:
    for container in agents(pod):
        container["securityContext"]["privileged"] = False


def change_command(pod: dict[str, Any]) -> None:
    for container in agents(pod):
        container["command"] = ["sh", "-c", "echo pwned"]


def wrap_command(pod: dict[str, Any]) -> None:
    for container in agents(pod):
        container["command"] = [*WRAPPER, *container["command"]]


def change_image(pod: dict[str, Any]) -> None:
    for container in agents(pod):
        container["image"] = STOCK_IMAGE


def move(pod: dict[str, Any]) -> None:
    pod["spec"].pop("affinity", None)
    pod["spec"]["nodeName"] = "node2"


def drop_selector(pod: dict[str, Any]) -> None:
    pod["spec"].pop("nodeSelector", None)


def drop_run_label(body: dict[str, Any]) -> None:
    body["metadata"].get("labels", {}).pop(RUN_LABEL, None)


def drop_owner(body: dict[str, Any]) -> None:
    body["metadata"].pop("ownerReferences", None)


def suspend(job: dict[str, Any]) -> None:
    job["spec"]["suspend"] = True


def suspend_without_queue(job: dict[str, Any]) -> None:
    """Suspend as Kueue does (manageJobsWithoutQueueName), but let a named queue pass."""
    job["spec"]["suspend"] = "kueue.x-k8s.io/queue-name" not in job["metadata"].get("labels", {})


def gate(pod: dict[str, Any]) -> None:
    pod["spec"]["schedulingGates"] = [{"name": "faults.test/wait"}]


def change_scheduler(pod: dict[str, Any]) -> None:
    pod["spec"]["schedulerName"] = "nobodys-scheduler"


def add_init(image: str, *command: str) -> Edit:
    def edit(pod: dict[str, Any]) -> None:
        own = {"name": "added-init", "image": image, "command": list(command)}
        pod["spec"]["initContainers"] = [own]

    return edit


def add_sidecar(image: str, *command: str) -> Edit:
    """Add a native sidecar, as Istio does: an init container that stays (KEP-753)."""

    def edit(pod: dict[str, Any]) -> None:
        own = {"name": "added-proxy", "image": image, "restartPolicy": "Always"}
        pod["spec"]["initContainers"] = [{**own, "command": list(command)}]

    return edit


EDITS: dict[str, Edit] = {
    "no-host-namespaces": drop_host_namespaces,
    "no-host-root": drop_host_root,
    "no-privileges": drop_privileges,
    "other-command": change_command,
    "wrapped-command": wrap_command,
    "other-image": change_image,
    "other-node": move,
    "no-selector": drop_selector,
    "no-run-label": drop_run_label,
    "no-owner": drop_owner,
    "suspend": suspend,
    "kueue": suspend_without_queue,
    "gate": gate,
    "scheduler": change_scheduler,
    "init-fails": add_init(STOCK_IMAGE, "sh", "-c", "echo no vault here; exit 3"),
    "init-hangs": add_init(STOCK_IMAGE, "sleep", "600"),
    "init-no-image": add_init("registry.test/missing:1", "true"),
    "init-no-program": add_init(STOCK_IMAGE, "/no/such/program"),
    "proxy": add_sidecar(STOCK_IMAGE, "sleep", "600"),
    "proxy-no-image": add_sidecar("registry.test/private:1", "true"),
}
