"""Nodes whose kubelet, runtime or network is set up wrongly: context managers for one scene."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from tests.cluster.faults import nodes
from tests.cluster.faults.scene import Scene
from tests.cluster.support import KIT, exists
from tests.lab.machine import wait_for

CONFIG = "/etc/kubernetes/kubelet.yaml"
KEPT = f"{CONFIG}.kept"
CNI, CNI_KEPT = "/etc/cni/net.d", "/etc/cni/kept"
# containerd watches the directory, which therefore stays the same one.
KEEP = f"mkdir -p {CNI_KEPT}; cp -a {CNI}/. {CNI_KEPT}"
MEND = f"cp -a {CNI_KEPT}/. {CNI}"
# The kubelet takes its settings of the disk's use every ten seconds.
PRESSURE = "evictionHard: {nodefs.available: 99.9999%%}\\nevictionPressureTransitionPeriod: 0s"


def shell(scene: Scene, node: str, script: str) -> None:
    scene.cluster.node_exec(node, "sh", "-c", script)


def configure(scene: Scene, node: str, lines: str, also: str = "true") -> None:
    """Restart the kubelet with lines of its configuration, in place of those of the same keys."""
    keys = [line.partition(":")[0] for line in lines.split("\\n")]
    drop = "; ".join(f"/^{key}:/d" for key in keys)
    change = f"cp {CONFIG} {KEPT}; sed -i '{drop}' {CONFIG}; printf '{lines}\\n' >> {CONFIG}"
    shell(scene, node, f"{change}; {also}; systemctl restart kubelet")


def restore(scene: Scene, node: str) -> None:
    shell(scene, node, f"[ ! -e {KEPT} ] || mv {KEPT} {CONFIG}; systemctl restart kubelet")
    nodes.repair_node(scene.cluster, node, "kubelet")


def has_condition(scene: Scene, node: str, kind: str, status: str) -> bool:
    conditions = scene.cluster.client.get(f"/api/v1/nodes/{node}")["status"]["conditions"]
    return any(c["type"] == kind and c["status"] == status for c in conditions)


@contextlib.contextmanager
def restored(scene: Scene, node: str) -> Iterator[None]:
    """A kubelet that is configured in the midst of the run, and restored afterwards."""
    try:
        yield
    finally:
        restore(scene, node)
        wait_for("no pressure", lambda: has_condition(scene, node, "DiskPressure", "False"))


@contextlib.contextmanager
def without_certificate(scene: Scene, node: str) -> Iterator[None]:
    """A kubelet whose serving certificate nobody has approved (serverTLSBootstrap)."""
    pki = "rm -f /var/lib/kubelet/pki/kubelet.* /var/lib/kubelet/pki/kubelet-server-*"
    configure(scene, node, "serverTLSBootstrap: true", pki)
    try:
        wait_for("the kubelet to refuse", lambda: not nodes.is_kubelet_there(scene.cluster, node))
        wait_for("the node", lambda: has_condition(scene, node, "Ready", "True"))
        yield
    finally:
        restore(scene, node)


@contextlib.contextmanager
def under_pressure(scene: Scene, node: str) -> Iterator[None]:
    """A node whose disk counts as full."""
    with restored(scene, node):
        configure(scene, node, PRESSURE)
        wait_for("pressure", lambda: has_condition(scene, node, "DiskPressure", "True"))
        yield


def fill_disk(scene: Scene, node: str) -> None:
    configure(scene, node, PRESSURE)


@contextlib.contextmanager
def without_network_plugin(scene: Scene, node: str) -> Iterator[None]:
    """A node without a CNI configuration, as before its network's DaemonSet has run."""
    shell(scene, node, f"{KEEP}; rm {CNI}/*")
    try:
        wait_for("no network", lambda: has_condition(scene, node, "Ready", "False"))
        yield
    finally:
        shell(scene, node, MEND)
        wait_for("the network", lambda: has_condition(scene, node, "Ready", "True"))


@contextlib.contextmanager
def with_broken_network_plugin(scene: Scene, node: str) -> Iterator[None]:
    """A node whose CNI configuration names a plugin that is not installed."""
    edit = 's/"type": *"[a-z]*"/"type": "nobody-made-it"/'
    shell(scene, node, f"{KEEP}; sed -i '{edit}' $(ls -d {CNI}/* | head -n 1)")
    try:
        yield
    finally:
        shell(scene, node, MEND)


def repair_network_plugin(scene: Scene, node: str) -> None:
    """Repair the plugin once the kubelet has reported that it failed."""

    def has_failed() -> bool:
        events = scene.cluster.client.get(scene.path("events"))["items"]
        return any(event["reason"] == "FailedCreatePodSandBox" for event in events)

    wait_for("the sandbox to fail", has_failed)
    shell(scene, node, MEND)


@contextlib.contextmanager
def with_few_processes(scene: Scene, node: str) -> Iterator[None]:
    """A kubelet that allows a pod eight processes and threads."""
    configure(scene, node, "podPidsLimit: 8")
    try:
        nodes.repair_node(scene.cluster, node, "kubelet")
        yield
    finally:
        restore(scene, node)


def unregister(scene: Scene, node: str) -> None:
    scene.delete(f"/api/v1/nodes/{node}")


@contextlib.contextmanager
def registered_again(scene: Scene, node: str) -> Iterator[None]:
    """A node that registers again afterwards, with its labels and GPUs."""
    path = f"/api/v1/nodes/{node}"
    before = scene.cluster.client.get(path)
    try:
        yield
    finally:
        shell(scene, node, "systemctl restart kubelet")
        wait_for("the node", lambda: exists(scene.cluster, path))
        nodes.repair_node(scene.cluster, node, "kubelet")
        labels = {"metadata": {"labels": before["metadata"]["labels"]}}
        scene.cluster.client.patch(path, labels)
        room = {key: before["status"][key] for key in ("capacity", "allocatable")}
        scene.cluster.client.patch(f"{path}/status", {"status": room})


def restart(scene: Scene, node: str, unit: str) -> None:
    shell(scene, node, f"systemctl restart {unit}")


def reboot(scene: Scene, node: str) -> None:
    name = scene.cluster.require_lab().name
    command = [sys.executable, "-B", str(KIT), "reboot", "--name", name, node]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
