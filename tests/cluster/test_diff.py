"""What differs between captures of one node, and between two nodes of the lab."""

from __future__ import annotations

import fnmatch
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Finished
from tests.cluster.support import KIT, Cluster, assert_nothing_left
from tests.lab import build, node, processes
from tests.validation import parse_valid

Run = Callable[..., Finished]

GOOD, BAD = "node2", "node1"
GPU_FILES = {"libnvidia-ml.so.1": f"/{node.LIBRARY}/", "nvidia-smi": "/usr/bin/"}
DROP_IN = "/run/systemd/system/kubelet.service.d/60-diff-test.conf"
# By these the lab tells its nodes apart (tests/lab/README.md); only one has a GPU's labels.
MARKS = (
    "OS.release",
    "K8s.node.os-image",
    "OS.sysctl./proc/sys/kernel/shmmni",
    "OS.sysctl-net./proc/sys/net/core/somaxconn",
    "SystemD.kubelet.service.ExecStart*",
)

UNIT = "diff-test.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
# A command that has finished, one that fails and is ignored, and one that runs.
UNIT_TEXT = """\
[Install]
WantedBy=multi-user.target
[Service]
ExecStartPre=/bin/true before
ExecStartPre=-/bin/false
ExecStart=/bin/sleep infinity
"""

# A capture on the node itself. Its kernel has no modules, and no file can be laid over one that is
# not there: so for this process alone /proc is a directory with what is read of it.
CAPTURE_THERE = """\
set -e
mkdir -p /run/diff-proc
mount -t tmpfs tmpfs /run/diff-proc
cd /run/diff-proc
mkdir -p all sys driver/nvidia
mount --rbind /proc all
ln -s all/self self
mount --rbind /proc/sys sys
touch cmdline
mount --bind /proc/cmdline cmdline
echo "$MODULES" | tr ' ' '\\n' > modules
echo 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06' > driver/nvidia/version
mount --rbind /run/diff-proc /proc
cd /run/diff-test
exec python3 kubectl-snapshot --local --kubeconfig kubeconfig --quiet -o -
"""


@pytest.fixture
def put(cluster: Cluster) -> Iterator[Callable[[str, Path, str], None]]:
    """Copies a file into a node, where it is until the end of the test."""
    lab = cluster.require_lab()
    there: list[tuple[str, str]] = []

    def copy(node_name: str, source: Path, target: str) -> None:
        there.append((node_name, target))
        script = f"mkdir -p {target.rpartition('/')[0]}; cat > {target}; chmod 755 {target}"
        command = processes.node_command(lab, node_name, "sh", "-c", script)
        subprocess.run(command, input=source.read_bytes(), check=True)

    yield copy
    for node_name, target in there:
        cluster.node_exec(node_name, "rm", "-f", target)


@pytest.fixture
def two_alike(
    cluster: Cluster, put: Callable[[str, Path, str], None], zipapp: Path, tmp_path: Path
) -> Iterator[None]:
    """Makes the lab's first node a GPU node as its second one is, with one GPU less."""
    lab = cluster.require_lab()
    reported = (
        node.change_gpu(lab, GOOD, [])
        .replace("seed = 2", "seed = 1")
        .replace("gpus = 2", "gpus = 1")
    )
    (tmp_path / "gpu.conf").write_text(reported)
    for name, directory in GPU_FILES.items():
        put(BAD, build.GPU / name, directory + name)
    put(BAD, tmp_path / "gpu.conf", f"/{node.GPU_CONFIG}")
    for name in (GOOD, BAD):
        put(name, zipapp, "/run/diff-test/kubectl-snapshot")
        put(name, Path(cluster.kubeconfig), "/run/diff-test/kubeconfig")
    cluster.node_exec(BAD, "sh", "-c", "test -e /dev/nvidiactl || mknod /dev/nvidiactl c 195 255")
    yield
    cluster.node_exec(BAD, "rm", "-f", "/dev/nvidiactl")


@pytest.fixture
def drop_in(cluster: Cluster) -> Iterator[None]:
    write = f"mkdir -p {DROP_IN.rpartition('/')[0]}; echo '[Service]\nNice=0' > {DROP_IN}"
    cluster.node_exec(BAD, "sh", "-c", f"{write}; systemctl daemon-reload")
    yield
    cluster.node_exec(BAD, "sh", "-c", f"rm {DROP_IN}; systemctl daemon-reload")


@pytest.fixture
def swappiness(cluster: Cluster) -> Iterator[None]:
    def write(node_name: str, value: str) -> str:
        path = "/run/lab/sys.vm.swappiness"
        return cluster.node_exec(node_name, "sh", "-c", f"cat {path}; echo {value} > {path}")

    before = write(GOOD, "60"), write(BAD, "10")
    yield
    write(GOOD, before[0].strip())
    write(BAD, before[1].strip())


def capture_there(cluster: Cluster, node_name: str, modules: str, path: Path) -> str:
    environment = [f"NODE_NAME={node_name}", f"MODULES={modules}"]
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", CAPTURE_THERE]
    path.write_text(cluster.node_exec(node_name, "env", *environment, *words))
    parse_valid(path.read_text())
    return str(path)


def changes(ended: Finished) -> list[dict[str, Any]]:
    reported: dict[str, Any] = json.loads(ended.stdout)
    found: list[dict[str, Any]] = reported["changes"]
    return found


def test_ten_captures_of_an_unchanged_node_do_not_differ(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    paths = [str(tmp_path / f"{number}.json") for number in range(10)]
    for path in paths:
        words = ["-n", namespace, "--node", cluster.nodes[-1], "-o", path]
        assert run_snapshot(*words).returncode == 0
    for before, after in [*zip(paths, paths[1:]), (paths[0], paths[-1])]:
        ended = run_snapshot("diff", before, after, "--strict")
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    # They do differ where a node moves by itself, or nothing was compared.
    ended = run_snapshot("diff", paths[0], paths[-1], "--all")
    assert ended.returncode == 1
    assert "/proc/sys/kernel/random/uuid" in ended.stdout


def test_two_nodes_differ_in_exactly_what_was_changed(
    cluster: Cluster,
    run_snapshot: Run,
    two_alike: None,
    drop_in: None,
    swappiness: None,
    tmp_path: Path,
) -> None:
    good = capture_there(cluster, GOOD, "nvidia ib_core", tmp_path / "good.json")
    bad = capture_there(cluster, BAD, "nvidia ib_core nouveau", tmp_path / "bad.json")
    ignored = [word for path in MARKS for word in ("--ignore", path)]
    ended = run_snapshot("diff", good, bad, *ignored, "-o", "json")
    assert ended.returncode == 1, ended.stderr
    found = changes(ended)
    assert [(change["path"], change["kind"]) for change in found] == [
        ("GPU.gpu-1", "removed"),
        ("K8s.node-status.allocatable.nvidia.com/gpu", "removed"),
        ("K8s.node-status.capacity.nvidia.com/gpu", "removed"),
        ("OS.sysctl./proc/sys/vm/swappiness", "changed"),
        ("OS.kmod.nouveau", "added"),
        ("SystemD.kubelet.service.DropInPaths", "changed"),
    ]
    assert found[0]["note"].startswith("NVIDIA H100 80GB HBM3 at ")
    assert found[3]["note"] == "-50"
    assert found[5]["after"] == f"[{DROP_IN}]"
    # The other way round they are the same ones.
    ended = run_snapshot("diff", bad, good, *ignored, "-o", "json")
    assert [change["path"] for change in changes(ended)] == [change["path"] for change in found]


def test_a_live_node_is_compared_with_a_stored_one(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    place, words = f"cm://{namespace}/good", ["-n", namespace, "--node", cluster.nodes[-1]]
    assert run_snapshot(*words, "-o", place).returncode == 0
    ended = run_snapshot("diff", place, "@live", *words, "--quiet")
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert f"A  {place}: " in ended.stdout
    assert_nothing_left(cluster)


def test_what_was_forbidden_is_unknown_and_not_removed(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.client.call("POST", account, {"metadata": {"name": "powerless"}})
    words = ["-n", namespace, "--node", cluster.nodes[-1], "-o"]
    paths = [str(tmp_path / name) for name in ("a.yaml", "b.yaml")]
    assert run_snapshot(*words, paths[0]).returncode == 0
    scope = ["--cluster-scope", "agent", "--service-account-name", "powerless"]
    assert run_snapshot(*words, paths[1], *scope).returncode == 0
    ended = run_snapshot("diff", *paths)
    assert ended.returncode == 0, ended.stdout
    assert "K8s.node: B: forbidden: " in " ".join(ended.stdout.split())
    assert run_snapshot("diff", *paths, "--strict").returncode == 10


@pytest.fixture
def unit(cluster: Cluster) -> Iterator[Callable[[Mapping[str, object]], None]]:
    """Writes a unit that a node starts at boot, and reloads systemd; it is gone at the end."""
    lab = cluster.require_lab()
    # Copied over the node's root when it boots.
    boot_file = lab.directory / "node" / BAD / "root" / UNIT_FILE.lstrip("/")
    boot_link = boot_file.parent / "multi-user.target.wants" / UNIT

    def write(settings: Mapping[str, object]) -> None:
        text = UNIT_TEXT + "".join(f"{key}={value}\n" for key, value in settings.items())
        boot_file.write_text(text)
        if not boot_link.is_symlink():
            boot_link.symlink_to(f"../{UNIT}")
        script = f"cat > {UNIT_FILE}; systemctl enable --quiet {UNIT}; systemctl daemon-reload"
        command = processes.node_command(lab, BAD, "sh", "-c", script)
        subprocess.run(command, input=text.encode(), check=True)

    yield write
    boot_link.unlink()
    boot_file.unlink()
    stop = f"systemctl disable --quiet --now {UNIT}; rm {UNIT_FILE}; systemctl daemon-reload"
    cluster.node_exec(BAD, "sh", "-c", stop)


def reboot(cluster: Cluster) -> None:
    lab = cluster.require_lab()
    # In a process of its own, whose child the node is.
    words = [sys.executable, "-B", str(KIT), "reboot", "--name", lab.name, BAD]
    subprocess.run(words, check=True)
    node.copy_images(lab, GOOD, BAD)


# What happens to a unit in its life and is no change of it.
EVENTS = {
    "reload": "systemctl daemon-reload",
    "restart": f"systemctl restart {UNIT}",
    "reexec": "systemctl daemon-reexec",
    "stop and start": f"systemctl stop {UNIT}; systemctl start {UNIT}",
    "reboot": "",
}
# Each edit: a setting, and the property that has it.
EDITS = {
    "Nice": ("Nice", range(1, 19)),
    "OOMScoreAdjust": ("OOMScoreAdjust", range(1, 900)),
    "Environment": ("Environment", [f"LEVEL={number}" for number in range(99)]),
    "LimitNOFILE": ("LimitNOFILE*", range(2000, 4000)),
}


@pytest.mark.parametrize("seed", [1, 2])
def test_of_a_units_life_only_what_was_edited_is_a_change(
    cluster: Cluster,
    run_snapshot: Run,
    namespace: str,
    unit: Callable[[Mapping[str, object]], None],
    tmp_path: Path,
    seed: int,
) -> None:
    """In random order: events, each with or without an edit; two captures differ by the edit."""
    chance = random.Random(seed)
    paths = [str(tmp_path / f"{number}.json") for number in range(len(EVENTS) + 1)]
    words = ["-n", namespace, "--node", BAD, "--systemd-service", UNIT, "--quiet", "-o"]
    settings: dict[str, object] = {"Nice": 0}
    unit(settings)
    cluster.node_exec(BAD, "systemctl", "start", UNIT)
    assert run_snapshot(*words, paths[0]).returncode == 0
    for number, event in enumerate(chance.sample(sorted(EVENTS), len(EVENTS))):
        edited = chance.sample(sorted(EDITS), chance.randrange(3))
        settings.update({key: chance.choice(EDITS[key][1]) for key in edited})
        unit(settings)
        cluster.node_exec(BAD, "sh", "-c", EVENTS[event]) if EVENTS[event] else reboot(cluster)
        assert run_snapshot(*words, paths[number + 1]).returncode == 0
        ended = run_snapshot("diff", *paths[number : number + 2], "--only", "SystemD", "-o", "json")
        found = {change["path"] for change in changes(ended)}
        by_edit = {key: fnmatch.filter(found, f"SystemD.{UNIT}.{EDITS[key][0]}") for key in edited}
        assert [key for key, paths_of in by_edit.items() if not paths_of] == [], event
        assert found == set(itertools.chain(*by_edit.values())), event
    # The numbers of finished commands do differ, or nothing was compared.
    named = ["--all", "--only", f"SystemD.{UNIT}.ExecStartPre"]
    assert run_snapshot("diff", paths[0], paths[-1], *named).returncode == 1
