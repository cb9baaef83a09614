"""Runtime and Driver of a real node against what containerd, dpkg and dmesg say there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from kubectl_snapshot.collectors.runtime.flatten import flatten
from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster
from tests.lab.machine import PATIENCE_S
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

NODE = "node2"
CONFIG, DROP_INS = "/etc/containerd/config.toml", "/etc/containerd/conf.d"
PLUGIN = "io.containerd.grpc.v1.cri"
FIRST = f"""
version = 2
oom_score = -5
disabled_plugins = ["io.containerd.snapshotter.v1.zfs"]
[plugins."{PLUGIN}".containerd]
default_runtime_name = "first"
"""
LAST = f"""
version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs"]
[plugins."{PLUGIN}"]
sandbox_image = "example/pause:1"
[plugins."{PLUGIN}".containerd]
snapshotter = "native"
[plugins."{PLUGIN}".containerd.runtimes.nvidia]
runtime_type = "io.containerd.runc.v2"
pod_annotations = ["a.b/*", "c"]
[plugins."{PLUGIN}".containerd.runtimes.nvidia.options]
BinaryName = "/usr/bin/nvidia-container-runtime"
SystemdCgroup = true
[plugins."{PLUGIN}".registry]
config_path = "/etc/containerd/certs.d"
[plugins."{PLUGIN}".registry.mirrors."docker.io"]
endpoint = ["https://user:hunter22@mirror.example"]
"""
# No program of the kernel: a failure that somebody wrote into the log.
MADE_UP = "<3>NVRM: Xid (PCI:0000:9B:00): 79, GPU has fallen off the bus."
KILLED = "Memory cgroup out of memory: Killed process"


@pytest.fixture
def dump(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """What containerd understands of its files, while there are imports."""
    cluster.require_lab()
    if sys.version_info < (3, 11):
        pytest.skip("tomllib is of Python 3.11")
    import tomllib

    script = (
        f"cp {CONFIG} {CONFIG}.kept; mkdir -p {DROP_INS} /etc/containerd/certs.d/nvcr.io;"
        f' sed -i \'1a imports = ["conf.d/0.toml", "{DROP_INS}/*.toml"]\' {CONFIG};'
        f" : > {DROP_INS}/0.toml;"
        f" printf %s '{FIRST}' > {DROP_INS}/1.toml; printf %s '{LAST}' > {DROP_INS}/2.toml"
    )
    cluster.node_exec(NODE, "sh", "-ec", script)
    try:
        yield tomllib.loads(cluster.node_exec(NODE, "containerd", "config", "dump"))
    finally:
        undo = f"mv {CONFIG}.kept {CONFIG}; rm -r {DROP_INS} /etc/containerd/certs.d/nvcr.io"
        cluster.node_exec(NODE, "sh", "-c", undo)


def capture(run: Run, namespace: str, *words: str) -> Snapshot:
    ended = run("-n", namespace, "--node", NODE, "--collect", "Runtime,Driver", *words)
    assert ended.returncode == 0, ended.stderr
    assert "hunter22" not in ended.stdout
    return parse_valid(ended.stdout)


def expected(dump: dict[str, Any]) -> dict[str, Any]:
    """Return containerd's settings by our names."""
    plugin = dict(dump["plugins"][PLUGIN])
    settings = {**plugin.pop("containerd"), **plugin}
    renamed = {"pinned_images.sandbox": settings.pop("sandbox_image")}
    top = {key: dump[key] for key in ("root", "state", "oom_score", "disabled_plugins")}
    return {**flatten(settings), **renamed, **flatten(top)}


def test_containerds_settings_are_those_that_it_dumps(
    run_snapshot: Run, namespace: str, dump: dict[str, Any], cluster: Cluster
) -> None:
    snapshot = capture(run_snapshot, namespace)
    found = subtype(snapshot, "Runtime", "containerd")
    assert found.status == "ok"
    data = dict(found.data)
    assert sorted(str(data.pop("files")).split(",")) == sorted(dump["imports"])
    assert data.pop("config-version") == dump["version"] == 2
    # Other tests have registries of their own on the node.
    hosts = data.pop("registry.hosts").split(",")
    assert {host for host in hosts if not host.endswith(".test")} == {"docker.io", "nvcr.io"}
    told = expected(dump)
    assert data == {key: told[key] for key in data}
    # The last file replaces the plugin's settings of the others: containerd 1 does.
    assert "default_runtime_name" not in data
    assert data["runtimes.nvidia.options.SystemdCgroup"] is True
    assert len(data) >= 8
    packages = subtype(snapshot, "Runtime", "packages").data
    words = cluster.node_exec(NODE, "dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *packages)
    assert packages == dict(line.split() for line in words.splitlines())
    assert {"containerd", "runc"} <= set(packages)


def test_the_kubelets_files_say_what_it_runs_with(run_snapshot: Run, namespace: str) -> None:
    ended = run_snapshot("-n", namespace, "--node", NODE, "--collect", "K8s,Runtime")
    snapshot = parse_valid(ended.stdout)
    found, asked = (subtype(snapshot, name, "kubelet") for name in ("Runtime", "K8s"))
    assert (found.status, asked.status) == ("ok", "ok")
    flags = {key: text for key, text in found.data.items() if key.startswith("flag.")}
    settings = {k: text for k, text in found.data.items() if k not in flags and k != "files"}
    assert settings == {key: asked.data[key] for key in settings}
    assert len(settings) >= 10
    assert flags["flag.config"] == found.data["files"]
    assert flags["flag.hostname-override"] == NODE


def read_killed(cluster: Cluster) -> set[str]:
    """Return the kernel's messages that say so, with their times, as dmesg shows them."""
    lines = cluster.node_exec(NODE, "dmesg", "-f", "kern").splitlines()
    return {line for line in lines if KILLED in line}


def test_the_kernels_log_counts_as_dmesg_does(
    run_snapshot: Run, namespace: str, cluster: Cluster
) -> None:
    cluster.require_lab()
    known = read_killed(cluster)
    greedy = "systemd-run --wait -q -p MemoryMax=16M -p MemorySwapMax=0 tail /dev/zero"
    cluster.node_exec(NODE, "sh", "-c", f"{greedy}; echo '{MADE_UP}' > /dev/kmsg")
    deadline = time.monotonic() + PATIENCE_S
    while not (before := read_killed(cluster)) - known and time.monotonic() < deadline:
        pass
    assert before - known
    found = subtype(capture(run_snapshot, namespace), "Driver", "kernel-log")
    now = datetime.now(timezone.utc)
    after = read_killed(cluster)
    assert found.status == "ok"
    data = found.data
    # The ring loses old messages, and other nodes of this machine write into it.
    assert len(before & after) <= int(data["oom.cgroup.count"]) <= len(before | after)
    last = datetime.fromisoformat(str(data["oom.cgroup.last-time"]).replace("Z", "+00:00"))
    assert now - timedelta(seconds=2 * PATIENCE_S) < last < now + timedelta(seconds=2)
    # In the log, but not the kernel's.
    assert data["xid.count"] == 0
    assert "tail" not in str(data)


def test_each_level_of_privilege_says_what_it_cannot_see(
    run_snapshot: Run, namespace: str, restricted_namespace: str
) -> None:
    snapshot = capture(run_snapshot, namespace, "--privileged=host-read")
    assert subtype(snapshot, "Runtime", "containerd").status == "ok"
    log = subtype(snapshot, "Driver", "kernel-log")
    assert (log.data, log.status) == ({}, "unavailable")
    assert log.context["reason"].startswith("no permission to read /dev/kmsg of the node")
    snapshot = capture(run_snapshot, namespace, "--privileged=host-read", "--no-kernel-log")
    assert subtype(snapshot, "Driver", "kernel-log").is_left_out
    assert "Driver.kernel-log" not in snapshot.metadata.get("gaps", "")
    snapshot = capture(run_snapshot, restricted_namespace, "--privileged=false")
    for measurement in snapshot.measurements:
        for found in measurement.subtypes:
            assert found.data == {}, found.name
            if found.name not in ("modules", "nvidia-params"):
                assert found.status == "unavailable", found.name
