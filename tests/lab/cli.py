"""The command line of the lab: one function per verb."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from typing import Any, Callable

from tests.lab import build, images, kube, lifecycle, node, processes, requirements
from tests.lab.layout import CONTROL_PLANE, STATE, Cluster
from tests.lab.machine import Problem, run, say

# A node's subnet and address contain its number.
MAX_NODES = 200
FAULTS = {
    "kubelet-off": "systemctl stop kubelet",
    "kubelet-on": "systemctl start kubelet",
    "containerd-off": "systemctl kill --signal=STOP --kill-who=main containerd",
    "containerd-on": "systemctl kill --signal=CONT --kill-who=main containerd",
    "network-off": "ip link set eth0 down",
    "network-on": "ip link set eth0 up && ip route replace default via {gateway}",
}

RESTARTABLE = ("apiserver", "controller-manager", "scheduler", "etcd")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = build_parser().parse_args()
    try:
        return int(options.run(options))
    except (Problem, kube.ApiError, OSError, subprocess.CalledProcessError) as problem:
        print(f"cluster: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run_check(_: argparse.Namespace) -> int:
    missing = requirements.find_missing()
    if missing:
        say(f"the lab cannot run here: missing {missing}; {requirements.INSTEAD}")
    return 1 if missing else 0


def run_build(options: argparse.Namespace) -> int:
    require_machine()
    with build.lock():
        build.install_packages()
        build.build_binaries(options.helm)
        build.build_gpu_driver()
        images.ensure_stock_images()
    say(str(build.BIN))
    return 0


def run_build_kubectl(_: argparse.Namespace) -> int:
    with build.lock():
        build.build_kubectl()
    say(str(build.BIN / "kubectl"))
    return 0


def run_image(options: argparse.Namespace) -> int:
    with build.lock():
        reference, archive = images.ensure_python_image(options.python)
    say(reference)
    say(str(archive))
    return 0


def run_up(options: argparse.Namespace) -> int:
    require_machine(options.nodes)
    required = [*(build.BIN / name for name in build.PROGRAMS), build.GPU / "nvidia-smi"]
    for path in [*required, images.IMAGES / "pause.tar", images.IMAGES / "python-3.11.tar"]:
        if not path.exists():
            raise Problem(f"no such file: {path}; run `cluster build` first")
    cluster = Cluster(options.name)
    with cluster.lock():
        lifecycle.up(cluster, options)
    return 0


def run_down(options: argparse.Namespace) -> int:
    cluster = Cluster(options.name)
    with cluster.lock():
        processes.remove(cluster)
    return 0


def run_status(options: argparse.Namespace) -> int:
    # For `cluster status | head`; there is nothing to clean up.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    found = sorted(path.parent.name for path in STATE.glob("*/slot"))
    names = [options.name] if options.name else found
    whole = [lifecycle.print_status(Cluster(name)) for name in names]
    return 0 if whole and all(whole) else 1


def run_load(options: argparse.Namespace) -> int:
    lifecycle.require_whole(Cluster(options.name))
    node.load_image(Cluster(options.name), options.archive)
    return 0


def run_gpu(options: argparse.Namespace) -> int:
    print(node.change_gpu(Cluster(options.name), options.node, options.settings), end="")
    return 0


def run_fault(options: argparse.Namespace) -> int:
    cluster = Cluster(options.name)
    script = FAULTS[options.what].format(gateway=cluster.ip(1))
    run(*processes.node_command(cluster, options.node, "sh", "-c", script))
    return 0


def run_restart(options: argparse.Namespace) -> int:
    cluster = Cluster(options.name)
    processes.restart(cluster, options.process, cluster.inside(CONTROL_PLANE))
    return 0


def run_reboot(options: argparse.Namespace) -> int:
    cluster = Cluster(options.name)
    node.reboot(cluster, options.node, kube.Client(cluster.kubeconfig("admin")))
    return 0


def run_node_exec(options: argparse.Namespace) -> int:
    words = options.command
    command = (words[1:] if words[:1] == ["--"] else words) or ["bash"]
    inside = processes.node_command(Cluster(options.name), options.node, *command)
    return subprocess.run(inside).returncode


def require_machine(nodes: int = 0) -> None:
    missing = requirements.find_missing(nodes)
    if missing:
        raise Problem(f"missing {missing}")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cluster",
        description="A throw-away Kubernetes cluster on this machine, without docker:"
        " real control plane, real nodes, fake nodes.",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add_verb(name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=text, description=text)
        verb.set_defaults(run=run)
        return verb

    def add_cluster_verb(name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
        verb = add_verb(name, run, text)
        verb.add_argument("--name", default="lab", help="cluster name [lab]")
        return verb

    add_verb("check", run_check, "exit 0 if the lab can run here, else print a missing requirement")
    verb = add_verb("build", run_build, "install packages, build programs and images (once)")
    add_verb("build-kubectl", run_build_kubectl, "build kubectl alone (once)")
    verb.add_argument("--helm", action="store_true", help="build helm, too")
    verb = add_verb("image", run_image, "build an image python:X.Y-slim from an interpreter")
    verb.add_argument("--python", metavar="INTERPRETER", default=images.DEFAULT_PYTHON)
    add_up_options(
        add_cluster_verb("up", run_up, "start a cluster; the last line is the admin's kubeconfig")
    )
    add_cluster_verb("down", run_down, "stop a cluster and delete it")
    verb = add_verb("status", run_status, "processes, memory, nodes, paths [all clusters]")
    verb.add_argument("--name")
    verb = add_cluster_verb("load", run_load, "import an OCI archive into every node")
    verb.add_argument("archive", metavar="IMAGE.tar")
    verb = add_cluster_verb("gpu", run_gpu, "print or change a node's fake GPU driver")
    verb.add_argument("node")
    verb.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    verb = add_cluster_verb("fault", run_fault, "inject a fault into a node, or end it")
    verb.add_argument("node")
    verb.add_argument("what", choices=FAULTS)
    verb = add_cluster_verb("restart", run_restart, "kill and restart a control plane process")
    verb.add_argument("process", choices=RESTARTABLE)
    verb = add_cluster_verb("reboot", run_reboot, "cut a node's power and boot it again")
    verb.add_argument("node")
    verb = add_cluster_verb("node-exec", run_node_exec, "run a command in a node")
    verb.add_argument("node")
    verb.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    return parser


def add_up_options(verb: argparse.ArgumentParser) -> None:
    def add_number(flag: str, low: int, high: int, text: str, **settings: Any) -> None:
        def parse(value: str) -> int:
            if not low <= int(value) <= high:
                raise ValueError
            return int(value)

        parse.__name__ = f"number from {low} to {high}"
        verb.add_argument(flag, type=parse, help=text, **settings)

    add_number("--nodes", 0, MAX_NODES, "real nodes [1]", default=1, metavar="N")
    gpu_node = {"action": "append", "default": [], "metavar": "I"}
    add_number("--gpu-node", 1, MAX_NODES, "fake GPU driver on node I (repeatable)", **gpu_node)
    add_number("--gpus", 1, 64, "GPUs in each GPU node [2]", default=2, metavar="G")
    verb.add_argument("--gpu-model", default=node.GPU_DEFAULTS["model"], metavar="NAME")
    fake = {"default": 0, "metavar": "M"}
    add_number("--fake-nodes", 0, 60000, "fake nodes: API objects only [0]", **fake)
    gpus = {"default": 8, "metavar": "G"}
    add_number("--fake-gpus", 0, 64, "GPUs of each fake node [8]", **gpus)
    text = "API rate of controller manager and scheduler [20 and 50]"
    add_number("--api-qps", 1, 100000, text, metavar="Q")
    for program in ("apiserver", "controller-manager"):
        text = "additional argument (repeatable)"
        flag = f"--{program}-arg"
        verb.add_argument(flag, action="append", default=[], metavar="ARG", help=text)
    verb.add_argument(
        "--keep", action="store_true", help="do not delete a cluster that failed to start"
    )
