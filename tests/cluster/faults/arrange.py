"""Preparations before the client starts: context managers, each for one scene."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.cluster.faults import nodes, servers
from tests.cluster.faults.scene import Scene
from tests.lab import kube, processes
from tests.lab.machine import wait_for
from tests.servers.http_server import Exchange
from tests.servers.reverse_proxy import Refuse, Shape, serve_shaped

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNT = "reader"
AGENT_ROLE = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete"]},
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]


@contextlib.contextmanager
def nothing(scene: Scene) -> Iterator[None]:
    yield


@contextlib.contextmanager
def with_webhook(
    scene: Scene,
    name: str,
    is_up: bool = True,
    resource: str = "pods",
    config: dict[str, Any] | None = None,
) -> Iterator[None]:
    """A webhook that the API server reaches, or not, or as `config` (its clientConfig) says."""
    url = f"{scene.servers.webhooks}/{name}" if is_up else "https://127.0.0.1:1/"
    bundle = base64.b64encode(scene.servers.authority.read_bytes()).decode()
    config = {"url": url, "caBundle": bundle} if config is None else config
    with servers.webhook(scene.cluster, scene.namespace, name, config, resource):
        marks = ("webhook", "a-sidecar", "nobody-made-it", '"500"')
        known = functools.partial(is_known, scene, *marks, resource=resource)
        wait_for("the webhook to be known", known, pause=0.05)
        yield


@contextlib.contextmanager
def with_blind_webhook(scene: Scene, name: str) -> Iterator[None]:
    """A webhook for pods, and a client that may not create pods, and so cannot dry-run one."""
    with as_account(scene, AGENT_ROLE), with_webhook(scene, name):
        yield


def is_known(scene: Scene, *marks: str, resource: str = "pods") -> bool:
    """Return whether admission already uses a new webhook or limit, by a dry run."""
    resources = {"limits": {"cpu": 1}, "requests": {"cpu": 1}}
    container = {"name": "c", "image": "x", "resources": resources}
    body: dict[str, Any] = {"metadata": {"name": servers.PROBE}}
    group = "/api/v1"
    if resource in ("pods", "jobs"):
        body["spec"] = {"containers": [container], "restartPolicy": "Never"}
    if resource == "jobs":
        body["spec"], group = {"template": {"spec": body["spec"]}}, "/apis/batch/v1"
    try:
        created = json.dumps(scene.create(f"{resource}?dryRun=All", body, group))
    except kube.ApiError as error:
        created = error.body
    return any(mark in created for mark in marks)


@contextlib.contextmanager
def with_object(scene: Scene, resource: str, spec: Any) -> Iterator[None]:
    scene.create(resource, {"metadata": {"name": "tight"}, "spec": spec})
    yield


@contextlib.contextmanager
def with_quota(scene: Scene, spec: Any) -> Iterator[None]:
    """A quota whose usage the controller has counted: before that it refuses everything."""
    with with_object(scene, "resourcequotas", spec):
        path = scene.path("resourcequotas/tight")
        client = scene.cluster.client
        wait_for("the quota", lambda: "used" in client.get(path).get("status", {}), pause=0.05)
        yield


@contextlib.contextmanager
def with_disk_limit(scene: Scene) -> Iterator[None]:
    limit = {"type": "Container", "default": {"ephemeral-storage": "8Mi"}}
    with with_object(scene, "limitranges", {"limits": [limit]}):
        wait_for("the limit to be known", lambda: is_known(scene, "ephemeral-storage"), pause=0.05)
        yield


@contextlib.contextmanager
def with_taint(scene: Scene, node: str) -> Iterator[None]:
    path = f"/api/v1/nodes/{node}"
    taint = {"key": "faults.test/only", "value": "others", "effect": "NoSchedule"}
    scene.cluster.client.patch(path, {"spec": {"taints": [taint]}})
    try:
        yield
    finally:
        scene.cluster.client.patch(path, {"spec": {"taints": None}})


@contextlib.contextmanager
def with_label_to_come(scene: Scene, node: str, label: str) -> Iterator[None]:
    """A label that is removed from the node afterwards."""
    try:
        yield
    finally:
        scene.cluster.client.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {label: None}}})


@contextlib.contextmanager
def with_node(
    scene: Scene,
    is_ready: bool,
    labels: dict[str, str],
    allocatable: dict[str, str],
) -> Iterator[None]:
    """A node without a machine; the Job's pod would be bound to it, and never start."""
    client, path = scene.cluster.client, "/api/v1/nodes/nowhere"
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": "nowhere", **labels}
    client.call("POST", "/api/v1/nodes", {"metadata": {"name": "nowhere", "labels": labels}})
    condition = {"type": "Ready", "status": "True" if is_ready else "Unknown", "reason": "Test"}
    room = {"cpu": "64", "memory": "256Gi", "pods": "110", **allocatable}
    status = {"conditions": [condition], "allocatable": room, "capacity": room}
    try:
        client.patch(f"{path}/status", {"status": status})
        yield
    finally:
        client.call("DELETE", path)


@contextlib.contextmanager
def with_fault(scene: Scene, node: str, what: str) -> Iterator[None]:
    """A node that is broken before the client starts."""
    nodes.break_node(scene.cluster, node, what)
    try:
        yield
    finally:
        nodes.repair_node(scene.cluster, node, what)


@contextlib.contextmanager
def repaired_after(scene: Scene, node: str, what: str) -> Iterator[None]:
    """A node that is repaired afterwards."""
    try:
        yield
    finally:
        nodes.repair_node(scene.cluster, node, what)


@contextlib.contextmanager
def with_systemd_stopped(scene: Scene, node: str) -> Iterator[None]:
    """A node whose systemd accepts connections and never answers: its collector hangs."""
    init = processes.init_of(scene.cluster.require_lab(), node)
    assert init
    os.kill(init, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(init, signal.SIGCONT)


@contextlib.contextmanager
def with_stopped(scene: Scene, process: str) -> Iterator[None]:
    """A process of the control plane that stands still until the client has ended."""
    signal_process(scene, process, goes_on=False)

    def go_on() -> None:
        while scene.client is None or scene.client.poll() is None:
            threading.Event().wait(0.2)
        signal_process(scene, process, goes_on=True)

    threading.Thread(target=go_on, daemon=True).start()
    try:
        yield
    finally:
        signal_process(scene, process, goes_on=True)


def signal_process(scene: Scene, process: str, goes_on: bool) -> None:
    """Stop a process of the control plane, or let it go on."""
    path = scene.cluster.require_lab().directory / "pid" / process
    pid = int(path.read_text().split()[0])
    os.kill(pid, signal.SIGCONT if goes_on else signal.SIGSTOP)


@contextlib.contextmanager
def without_logs(scene: Scene, node: str) -> Iterator[None]:
    """A kubelet that serves no logs (KubeletConfiguration, enableDebuggingHandlers)."""
    config = "/etc/kubernetes/kubelet.yaml"
    change = "sed -i '/^enableDebuggingHandlers/d' {0}; {1} systemctl restart kubelet"
    off = f"echo 'enableDebuggingHandlers: false' >> {config};"
    scene.cluster.node_exec(node, "sh", "-c", change.format(config, off))
    try:
        wait_for(f"{node} to refuse", lambda: not nodes.is_kubelet_there(scene.cluster, node))
        yield
    finally:
        scene.cluster.node_exec(node, "sh", "-c", change.format(config, ""))
        nodes.repair_node(scene.cluster, node, "kubelet")


@contextlib.contextmanager
def as_account(scene: Scene, rules: list[dict[str, Any]] | None = None) -> Iterator[None]:
    """The client authenticates as a service account with `rules`, by default those of `admin`."""
    scene.create("serviceaccounts", {"metadata": {"name": ACCOUNT}})
    role = {"kind": "ClusterRole", "name": "admin"}
    if rules is not None:
        role = {"kind": "Role", "name": ACCOUNT}
        scene.create("roles", {"metadata": {"name": ACCOUNT}, "rules": rules}, RBAC)
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": scene.namespace}
    binding = {
        "metadata": {"name": ACCOUNT},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", **role},
        "subjects": [subject],
    }
    scene.create("rolebindings", binding, RBAC)
    token = scene.create(f"serviceaccounts/{ACCOUNT}/token", {"spec": {}})["status"]["token"]
    write_kubeconfig(scene, user={"token": token})
    yield


@contextlib.contextmanager
def behind_proxy(
    scene: Scene, shape: Callable[[], Shape], refuse: Refuse | None = None
) -> Iterator[None]:
    """The client connects through a proxy that changes the API server's answers."""
    cluster = read_cluster(scene)
    authority = scene.directory / "api-ca.crt"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    own = scene.servers
    with serve_shaped(
        cluster["server"], str(authority), own.proxy_certificate, shape(), refuse
    ) as proxy:
        keys = {"server": proxy.url, "certificate-authority": str(own.authority)}
        write_kubeconfig(scene, cluster=keys)
        yield


@contextlib.contextmanager
def with_object_deleted(scene: Scene, resource: str) -> Iterator[None]:
    """The run's ConfigMap or Secret is deleted just before the Job is started."""

    def delete(exchange: Exchange) -> None:
        if exchange.method == "PATCH" and "/jobs/" in exchange.path:
            query = "labelSelector=app.kubernetes.io/managed-by=kubectl-snapshot"
            path = scene.path(resource)
            for item in scene.cluster.client.get(f"{path}?{query}")["items"]:
                scene.delete(f"{path}/{item['metadata']['name']}")

    with behind_proxy(scene, lambda: lambda _, pieces: pieces, delete):
        yield


def read_cluster(scene: Scene) -> Any:
    """Return the cluster of the administrator's kubeconfig."""
    return json.loads(Path(scene.cluster.kubeconfig).read_text())["clusters"][0]["cluster"]


def write_kubeconfig(scene: Scene, **replaced: Any) -> None:
    """Write the client's kubeconfig: the administrator's, with its `cluster` or `user` replaced."""
    config = json.loads(Path(scene.cluster.kubeconfig).read_text())
    for key, value in replaced.items():
        config[f"{key}s"][0][key] = value
    path = scene.directory / "client.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    scene.kubeconfig = str(path)


@contextlib.contextmanager
def as_blind_user(scene: Scene) -> Iterator[None]:
    """A namespace that enforces `restricted`, and a client without permission to read it."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    path = f"/api/v1/namespaces/{scene.namespace}"
    scene.cluster.client.patch(path, {"metadata": {"labels": labels}})
    with as_account(scene, AGENT_ROLE):
        yield
