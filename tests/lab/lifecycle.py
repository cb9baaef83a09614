"""`up` and `status` of a cluster; the other modules start its parts."""

from __future__ import annotations

import contextlib
import sys
import time
from argparse import Namespace
from typing import Any

from tests.lab import build, control_plane, fake_nodes, keys, kube, node, processes
from tests.lab.layout import CONTROL_PLANE, Cluster
from tests.lab.machine import Problem, read_resident_mib, say, wait_for

RBAC = "/apis/rbac.authorization.k8s.io/v1"


def up(cluster: Cluster, options: Namespace) -> None:
    if is_whole(cluster):
        raise Problem(f"{cluster.name} is up already: {cluster.kubeconfig('admin')}")
    count = options.nodes
    beyond = [index for index in options.gpu_node if index > count]
    if beyond:
        raise Problem(f"invalid --gpu-node {beyond[0]}: there are {count} nodes")
    if cluster.directory.exists():
        say(f"removing the remains of an earlier {cluster.name}")
    processes.remove(cluster)
    try:
        start(cluster, options)
        cluster.ready.write_text("")
    except BaseException:
        if options.keep:
            say(f"kept: {cluster.directory}")
        else:
            processes.remove(cluster)
        raise
    say(str(cluster.kubeconfig("admin")))


def start(cluster: Cluster, options: Namespace) -> None:
    began = time.monotonic()
    cluster.take_slot()
    for name in ("pki", "log", "pid", "etcd", "node", "fake-logs"):
        (cluster.directory / name).mkdir(mode=0o700)
    nodes = [f"node{index}" for index in range(1, options.nodes + 1)]
    keys.make_keys(cluster, nodes)
    control_plane.make_network(cluster)
    control_plane.start(cluster, options)
    for index in range(1, options.nodes + 1):
        node.start(cluster, index, options if index in options.gpu_node else None)
    client = kube.Client(cluster.kubeconfig("admin"))
    settle(cluster, client, nodes)
    room = {"nvidia.com/gpu": str(options.gpus)}
    for index in options.gpu_node:
        status = {"status": {"capacity": room, "allocatable": room}}
        client.patch(f"/api/v1/nodes/node{index}/status", status)
    say(f"{cluster.name}: {len(nodes)} nodes ready after {time.monotonic() - began:.1f} s")
    if options.fake_nodes:
        start_fake_nodes(cluster, client, options)


def settle(cluster: Cluster, client: kube.Client, nodes: list[str]) -> None:
    """Create the RBAC of the users; wait for the default ServiceAccount and the nodes."""
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "lab-viewer"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "viewer"}],
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"},
    }
    client.call("POST", f"{RBAC}/clusterrolebindings", binding)

    def read_account() -> Any:
        with contextlib.suppress(kube.ApiError):
            return client.get("/api/v1/namespaces/default/serviceaccounts/default")

    wait_for("the default service account", read_account)
    wait_for_nodes(cluster, client, set(nodes), seconds=120)


def start_fake_nodes(cluster: Cluster, client: kube.Client, options: Namespace) -> None:
    began = time.monotonic()
    logs = cluster.directory / "fake-logs"
    text = "log of {namespace}/{pod} container {container} on {node}\n"
    (logs / "default.log").write_text(text)
    control = cluster.inside(CONTROL_PLANE)
    selector = ",".join(f"{key}={value}" for key, value in fake_nodes.MARK.items())
    flags = [
        f"--kubeconfig={cluster.kubeconfig('kwok')}",
        f"--config={build.HERE}/kwok.yaml",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={selector}",
        "--node-lease-duration-seconds=40",
    ]
    processes.spawn(cluster, "kwok", [*control, build.BIN / "kwok", *flags])
    python = ["env", f"PYTHONPATH={build.ROOT}", sys.executable, "-B", "-m"]
    pair = [cluster.pki / "fake-kubelet.crt", cluster.pki / "fake-kubelet.key"]
    server = [*python, "tests.lab.fake_kubelet", logs, *pair]
    processes.spawn(cluster, "fake-kubelet", [*control, *server])
    fake_nodes.register(client, options.fake_nodes, options.fake_gpus)
    names = {fake_nodes.name(index) for index in range(1, options.fake_nodes + 1)}
    wait_for_nodes(cluster, client, names, seconds=300, pause=1)
    seconds = time.monotonic() - began
    say(f"{cluster.name}: {options.fake_nodes} fake nodes ready after {seconds:.1f} s")


def wait_for_nodes(
    cluster: Cluster, client: kube.Client, names: set[str], seconds: float, pause: float = 0.1
) -> None:
    def are_ready() -> bool:
        return processes.require_all_alive(cluster) and names <= read_ready_nodes(client)

    wait_for(f"{len(names)} nodes to be Ready", are_ready, seconds, pause)


def read_ready_nodes(client: kube.Client) -> set[str]:
    ready = {"type": "Ready", "status": "True"}.items()
    return {
        item["metadata"]["name"]
        for item in client.get("/api/v1/nodes?resourceVersion=0")["items"]
        if any(ready <= condition.items() for condition in item["status"].get("conditions", []))
    }


def is_whole(cluster: Cluster) -> bool:
    return cluster.ready.exists() and processes.recorded(cluster) == list(processes.alive(cluster))


def require_whole(cluster: Cluster) -> None:
    if not is_whole(cluster):
        raise Problem(f"{cluster.name} is not up")


def print_status(cluster: Cluster) -> bool:
    """Print processes, memory, nodes and paths; return whether the cluster is whole."""
    if not cluster.directory.exists():
        say(f"{cluster.name}: not up")
        return False
    whole = is_whole(cluster)
    state = "up" if whole else "broken; `down` or `up` removes it"
    say(f"{cluster.name}: {state}, network 10.89.{cluster.slot}.0/24")
    pids = processes.alive(cluster)
    for key in processes.recorded(cluster):
        pid = processes.init_of(cluster, key) if key.startswith("node") else pids.get(key)
        size = f"pid {pid:<7} {read_resident_mib(pid):7.0f} MiB" if pid else "ended"
        say(f"  {key:20} {size}")
    if whole:
        client = kube.Client(cluster.kubeconfig("admin"))
        count = len(client.get("/api/v1/nodes?resourceVersion=0")["items"])
        say(f"  nodes: {count}, Ready: {len(read_ready_nodes(client))}")
    audit = cluster.directory / "audit.log"
    size = f"{audit} ({audit.stat().st_size / 1e6:.1f} MB)" if audit.exists() else "none"
    say(f"  audit log: {size}")
    paths = " ".join(str(cluster.kubeconfig(user)) for user in keys.USERS)
    say(f"  kubeconfigs: {paths}")
    return whole
