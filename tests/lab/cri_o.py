"""Turn a node of the lab into one of CRI-O, built from its Go module (6 minutes on two cores).

Privileged containers do not start on it here: CRI-O gives them every capability that it knows, and
this machine's kernel allows fewer.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from tests.lab import build
from tests.lab.images import PAUSE_IMAGE
from tests.lab.layout import Cluster
from tests.lab.machine import run, say
from tests.lab.processes import node_command

MODULE, VERSION = "github.com/cri-o/cri-o", "v1.34.0"
# The checksum database does not know these; CRI-O's own go.sum verifies them.
UNLISTED = "github.com/containerd/nri,github.com/CloudNativeAI/model-spec"
TAGS = (
    "containers_image_openpgp exclude_graphdriver_btrfs btrfs_noversion"
    " exclude_graphdriver_devicemapper"
)
IMAGES = {"pause.tar": PAUSE_IMAGE, "python-3.11.tar": "docker.io/library/python:3.11-slim"}
STORAGE = "vfs@/var/lib/containers/storage+/run/containers/storage"
CONFIG = f"""\
[crio]
storage_driver = "vfs"
[crio.api]
listen = "/run/crio/crio.sock"
[crio.runtime]
conmon_cgroup = "pod"
cgroup_manager = "cgroupfs"
default_runtime = "runc"
pinns_path = "/srv/bin/pinns"
[crio.runtime.runtimes.runc]
runtime_path = "/usr/bin/runc"
runtime_type = "oci"
runtime_root = "/run/runc"
[crio.image]
pause_image = "{PAUSE_IMAGE}"
signature_policy = "/etc/crio/policy.json"
[crio.network]
network_dir = "/etc/cni/net.d"
plugin_dirs = ["/usr/lib/cni"]
"""
POLICY = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
UNIT = """\
[Unit]
Description=CRI-O
[Service]
Type=notify
ExecStart=/srv/bin/crio
Delegate=yes
KillMode=process
LimitNOFILE=20000
"""
# hugetlb belongs to cgroup v2 here, and CRI-O looks for its name alone.
SCRIPT = """\
systemctl stop kubelet containerd
grep -v hugetlb /proc/cgroups > /etc/crio/cgroups
mount --bind /etc/crio/cgroups /proc/cgroups
{copies}
sed -i s#/run/containerd/containerd.sock#/run/crio/crio.sock# /etc/kubernetes/kubelet.yaml
sed -i '/^ExecStartPre/d; s/containerd.service/crio.service/' /etc/systemd/system/kubelet.service
systemctl daemon-reload
systemctl start crio kubelet
"""


def build_cri_o() -> None:
    """Build CRI-O and pinns, which pins the namespaces of pods."""
    programs = [build.BIN / "crio", build.BIN / "pinns"]
    if all(program.exists() for program in programs):
        return
    work = build.CACHE / "build" / "cri-o"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    say(f"go build crio ({MODULE}@{VERSION})")
    told = build.go("mod", "download", "-json", f"{MODULE}@{VERSION}", cwd=work)
    source = work / "source"
    # Not its modes: the module cache is read-only.
    shutil.copytree(json.loads(told)["Dir"], source, copy_function=shutil.copyfile)
    for directory, _, _ in os.walk(source):
        os.chmod(directory, 0o755)
    flags = {"GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false", "GONOSUMDB": UNLISTED}
    part = work / "crio"
    command = ["go", "build", "-tags", TAGS, "-o", str(part), "./cmd/crio"]
    subprocess.run(command, cwd=source, env={**os.environ, **flags}, check=True)
    sources = sorted(str(path) for path in (source / "pinns/src").glob("*.c"))
    subprocess.run(["gcc", "-O2", "-static", "-o", str(work / "pinns"), *sources], check=True)
    for program in programs:
        (work / program.name).rename(program)


def use_cri_o(cluster: Cluster, node: str) -> None:
    """Replace containerd of a node by CRI-O, until the lab ends."""
    files = {
        "/etc/crio/crio.conf": CONFIG,
        "/etc/crio/policy.json": POLICY,
        "/etc/systemd/system/crio.service": UNIT,
    }
    run(*node_command(cluster, node, "mkdir", "-p", "/etc/crio"))
    for path, text in files.items():
        write = node_command(cluster, node, "sh", "-c", f"cat > {path}")
        run(*write, input=text, text=True)
    copies = "\n".join(
        f"skopeo --policy /etc/crio/policy.json copy -q oci-archive:/srv/images/{archive}"
        f" 'containers-storage:[{STORAGE}]{image}'"
        for archive, image in IMAGES.items()
    )
    run(*node_command(cluster, node, "sh", "-ec", SCRIPT.format(copies=copies)))
