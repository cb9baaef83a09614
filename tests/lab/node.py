"""Start a real node: an overlay on this machine's root, and a process that becomes its systemd."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from argparse import Namespace

from tests.lab import build, kube, processes
from tests.lab.images import IMAGES, PAUSE_IMAGE
from tests.lab.layout import CONTROL_PLANE, STATE, Cluster, pod_network
from tests.lab.machine import Problem, run, wait_for

GPU_DEFAULTS = {
    "driver": "570.124.06",
    "cuda": "12080",
    "gpus": "2",
    "model": "NVIDIA H100 80GB HBM3",
    "memory": "85520809984",
}
LIBRARY = "usr/lib/x86_64-linux-gnu"
GPU_CONFIG = f"{LIBRARY}/fake-nvml.conf"

CONTAINERD = f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{PAUSE_IMAGE}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
"""

CONTAINERD_UNIT = """\
[Unit]
Description=containerd
[Service]
Type=notify
ExecStart=/usr/bin/containerd
Delegate=yes
KillMode=process
LimitNOFILE=20000
"""

IMPORT_IMAGES = 'for image in /srv/images/*.tar; do ctr -n k8s.io images import "$image"; done'
KUBELET_UNIT = f"""\
[Unit]
Description=kubelet
After=containerd.service
Wants=containerd.service
[Service]
ExecStartPre=/bin/sh -c '{IMPORT_IMAGES}'
ExecStart=/srv/bin/kubelet --config /etc/kubernetes/kubelet.yaml \\
    --kubeconfig /etc/kubernetes/kubelet.conf \\
    --hostname-override {{node}} --node-ip {{address}} --node-labels={{labels}}
Restart=always
RestartSec=1
"""

KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: /etc/kubernetes/ca.crt}}
authorization: {{mode: Webhook}}
cgroupDriver: cgroupfs
clusterDomain: cluster.local
containerLogMonitorInterval: 3s
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
evictionHard: {{memory.available: 100Mi}}
failCgroupV1: false
failSwapOn: false
imageGCHighThresholdPercent: 100
maxOpenFiles: 20000
podCIDR: {pods}
"""


def start(cluster: Cluster, index: int, gpu: Namespace | None) -> None:
    """Start node I; `gpu` has the options of its fake driver, None for a node without GPU."""
    name = f"node{index}"
    make_network(cluster, index)
    directory = cluster.directory / "node" / name
    root = directory / "root"
    (directory / "mnt").mkdir(parents=True)
    for path, text in build_files(cluster, index, gpu).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "kubelet.service").symlink_to("../kubelet.service")
    if gpu:
        shutil.copy(build.GPU / "libnvidia-ml.so.1", root / LIBRARY)
        (root / "usr/bin").mkdir()
        shutil.copy(build.GPU / "nvidia-smi", root / "usr/bin")
    boot(cluster, name)


def boot(cluster: Cluster, name: str) -> None:
    directory = cluster.directory / "node" / name
    words = [build.HERE / "node-boot", cluster.name, name, directory, build.BIN, IMAGES, STATE]
    processes.spawn(cluster, name, [*cluster.inside(name), *words])


def reboot(cluster: Cluster, name: str, client: kube.Client) -> None:
    """Cut a node's power and boot it again: its files are those of build_files, and images only
    those of the lab. Return once its kubelet runs.
    """

    def read_renewal() -> str:
        leases = client.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
        times = {item["metadata"]["name"]: item["spec"]["renewTime"] for item in leases["items"]}
        return str(times.get(name, ""))

    init = processes.init_of(cluster, name)
    assert init, name
    os.kill(init, signal.SIGKILL)
    wait_for(f"{name} to end", lambda: name not in processes.alive(cluster), seconds=20)
    before = read_renewal()
    boot(cluster, name)
    wait_for(f"{name} to register", lambda: read_renewal() != before, seconds=120)


def copy_images(cluster: Cluster, source: str, target: str) -> None:
    """Import the images of one node into another one that lacks them.

    One at a time: an image of another architecture cannot be unpacked, and a test that needs one
    loads it itself.
    """
    ctr = ("ctr", "-n", "k8s.io", "images")

    def list_images(name: str) -> set[str]:
        command = processes.node_command(cluster, name, *ctr, "ls", "-q")
        return set(run(*command, capture_output=True, text=True).stdout.split())

    for image in sorted(list_images(source) - list_images(target)):
        with contextlib.suppress(subprocess.CalledProcessError):
            export = processes.node_command(cluster, source, *ctr, "export", "-", image)
            archive = run(*export, capture_output=True).stdout
            run(*processes.node_command(cluster, target, *ctr, "import", "-"), input=archive)


def make_network(cluster: Cluster, index: int) -> None:
    node, address = f"node{index}", cluster.node_ip(index)
    netns, control = cluster.netns(node), cluster.netns(CONTROL_PLANE)
    run("ip", "netns", "add", netns)
    pair = ("type", "veth", "peer", "name", "eth0", "netns", netns)
    run("ip", "-n", control, "link", "add", node, *pair)
    run("ip", "-n", control, "link", "set", node, "master", "br0", "up")
    batch = [
        "link set lo up",
        f"addr add {address}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {cluster.ip(1)}",
    ]
    run("ip", "-n", netns, "-batch", "-", input="\n".join(batch), text=True)
    run("ip", "-n", control, "route", "add", pod_network(index), "via", address)
    run(*cluster.inside(node), "sysctl", "-qw", "net.ipv4.ip_forward=1")


def build_files(cluster: Cluster, index: int, gpu: Namespace | None) -> dict[str, str]:
    """Return {path below the node's root: text}."""
    node, address = f"node{index}", cluster.node_ip(index)
    labels = {}
    files = {}
    if gpu:
        labels = {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.count": str(gpu.gpus)}
        chosen = {"gpus": str(gpu.gpus), "model": gpu.gpu_model, "seed": str(index)}
        files[GPU_CONFIG] = render_gpu_config({**GPU_DEFAULTS, **chosen})
    label_text = ",".join(f"{key}={value}" for key, value in labels.items())
    unit = KUBELET_UNIT.format(node=node, address=address, labels=label_text)
    return {
        **files,
        "etc/containerd/config.toml": CONTAINERD,
        "etc/cni/net.d/10-lab.conflist": json.dumps(build_pod_network(index)),
        "etc/kubernetes/ca.crt": (cluster.pki / "ca.crt").read_text(),
        "etc/kubernetes/kubelet.conf": cluster.kubeconfig(node).read_text(),
        "etc/kubernetes/kubelet.yaml": KUBELET.format(pods=pod_network(index)),
        "etc/systemd/system/containerd.service": CONTAINERD_UNIT,
        "etc/systemd/system/kubelet.service": unit,
    }


def build_pod_network(index: int) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni-ipam",
        "ranges": [[{"subnet": pod_network(index)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": addresses,
    }
    return {"cniVersion": "0.4.0", "name": "lab", "plugins": [bridge]}


def render_gpu_config(settings: dict[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in settings.items())


def change_gpu(cluster: Cluster, node: str, settings: list[str]) -> str:
    """Return the settings of a node's fake driver, changed by KEY=VALUE; KEY= removes a key."""
    command = processes.node_command(cluster, node, "cat", f"/{GPU_CONFIG}")
    text = run(*command, capture_output=True, text=True).stdout
    config = dict(line.split(" = ", 1) for line in text.splitlines())
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise Problem(f'invalid setting "{setting}", expected KEY=VALUE')
        config[key] = value
        if not value:
            del config[key]
    text = render_gpu_config(config)
    if settings:
        # Replaced atomically: a reader gets the old file or the new one.
        script = f"cat > /{GPU_CONFIG}.new && mv /{GPU_CONFIG}.new /{GPU_CONFIG}"
        run(*processes.node_command(cluster, node, "sh", "-c", script), input=text, text=True)
    return text


def load_image(cluster: Cluster, archive: str) -> None:
    """Import an OCI archive into every node."""
    for name in processes.nodes(cluster):
        command = processes.node_command(cluster, name, "ctr", "-n", "k8s.io", "images", "import")
        with open(archive, "rb") as file:
            run(*command, "-", stdin=file)
