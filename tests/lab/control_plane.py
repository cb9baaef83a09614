"""The control plane of a cluster: network, etcd, apiserver, controller manager, scheduler."""

from __future__ import annotations

from argparse import Namespace

from tests.lab import fake_nodes, kube, processes
from tests.lab.build import BIN
from tests.lab.layout import CONTROL_PLANE, Cluster
from tests.lab.machine import run, wait_for

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None            # heartbeats, most of the log at 1,000 nodes
  resources: [{group: coordination.k8s.io, resources: [leases]}]
- level: Metadata
"""


def make_network(cluster: Cluster) -> None:
    """Create a bridge in a network namespace, connected to this machine by a veth pair."""
    netns = cluster.netns(CONTROL_PLANE)
    run("ip", "netns", "add", netns)
    batch = [
        "link set lo up",
        # The Service `kubernetes` without kube-proxy: this namespace is the nodes' default route.
        "addr add 10.96.0.1/32 dev lo",
        # One address per fake node.
        f"route add local {fake_nodes.NETWORK} dev lo",
        "link add br0 type bridge",
        f"addr add {cluster.ip(1)}/24 dev br0",
        "link set br0 up",
    ]
    run("ip", "-n", netns, "-batch", "-", input="\n".join(batch), text=True)
    run("ip", "link", "add", cluster.veth, "type", "veth", "peer", "name", "host", "netns", netns)
    run("ip", "-n", netns, "link", "set", "host", "master", "br0", "up")
    run("ip", "addr", "add", f"{cluster.ip(254)}/24", "dev", cluster.veth)
    run("ip", "link", "set", cluster.veth, "up")


def start(cluster: Cluster, options: Namespace) -> None:
    control = cluster.inside(CONTROL_PLANE)
    data = ["--data-dir", cluster.directory / "etcd", "--unsafe-no-fsync", "--log-level", "warn"]
    processes.spawn(cluster, "etcd", [*control, BIN / "etcd", *data])
    flags = [*apiserver_flags(cluster), *options.apiserver_arg]
    processes.spawn(cluster, "apiserver", [*control, BIN / "kube-apiserver", *flags])
    client = kube.Client(cluster.kubeconfig("admin"))
    wait_for("the apiserver to be ready", lambda: is_answering(cluster, client))
    common = ["--leader-elect=false", "--secure-port=0"]
    if options.api_qps:
        common += [f"--kube-api-qps={options.api_qps}", f"--kube-api-burst={2 * options.api_qps}"]
    key = "controller-manager"
    flags = [*controller_manager_flags(cluster), *common, *options.controller_manager_arg]
    processes.spawn(cluster, key, [*control, BIN / "kube-controller-manager", *flags])
    flags = [f"--kubeconfig={cluster.kubeconfig('kube-scheduler')}", *common]
    processes.spawn(cluster, "scheduler", [*control, BIN / "kube-scheduler", *flags])


def apiserver_flags(cluster: Cluster) -> list[str]:
    pki = cluster.pki
    policy = cluster.directory / "audit-policy.yaml"
    policy.write_text(AUDIT_POLICY)
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        "--secure-port=443",
        f"--advertise-address={cluster.ip(1)}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--token-auth-file={pki}/tokens.csv",
        f"--kubelet-client-certificate={pki}/kubelet-client.crt",
        f"--kubelet-client-key={pki}/kubelet-client.key",
        # Node names do not resolve; without this, logs and exec look them up in DNS.
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={pki}/service-account.key",
        f"--service-account-key-file={pki}/service-account.key",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={cluster.directory}/audit.log",
        "--audit-log-maxsize=4096",
    ]


def controller_manager_flags(cluster: Cluster) -> list[str]:
    return [
        f"--kubeconfig={cluster.kubeconfig('kube-controller-manager')}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={cluster.pki}/service-account.key",
        f"--root-ca-file={cluster.pki}/ca.crt",
    ]


def is_answering(cluster: Cluster, client: kube.Client) -> bool:
    processes.require_all_alive(cluster)
    try:
        return client.raw("GET", "/readyz") == b"ok"
    except (kube.ApiError, OSError):
        return False
