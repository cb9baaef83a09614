"""The lab's fake driver on a real node: two GPUs, and everything that can be wrong with them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubectl_snapshot.document.snapshot import Snapshot, Subtype
from tests.cluster import support
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left
from tests.lab import node, processes
from tests.validation import parse_valid

Run = Callable[..., Finished]
Change = Callable[..., None]

GPU_NODE, OTHER_NODE = "node2", "node1"
HANG_S = 10
# A capture besides its collectors: the pod's start, and that the lab's two cores are busy.
CAPTURE_S = 60
# The time by which a busy machine wakes the agent later than its deadline.
LATE_S = 6


@pytest.fixture
def change_driver(cluster: Cluster) -> Iterator[Change]:
    """Changes settings of the GPU node's fake driver until the end of the test."""
    lab = cluster.require_lab()
    used: set[str] = {"gpus"}

    def change(**settings: object) -> None:
        words = {key.replace("__", "."): str(value) for key, value in settings.items()}
        used.update(words)
        node.change_gpu(lab, GPU_NODE, [f"{key}={value}" for key, value in words.items()])

    yield change
    node.change_gpu(lab, GPU_NODE, [f"{key}={'2' if key == 'gpus' else ''}" for key in used])


@pytest.fixture
def capture(run_snapshot: Run, namespace: str, cluster: Cluster) -> Callable[..., Snapshot]:
    cluster.require_lab()

    def run(*words: str) -> Snapshot:
        ended = run_snapshot("-n", namespace, "--node", GPU_NODE, *words)
        assert ended.returncode == 0, ended.stderr
        return parse_valid(ended.stdout)

    return run


def gpu_part(snapshot: Snapshot) -> dict[str, Subtype]:
    (measurement,) = [m for m in snapshot.measurements if m.type == "GPU"]
    return {subtype.name: subtype for subtype in measurement.subtypes}


def gaps(part: dict[str, Subtype]) -> dict[str, str]:
    return {name: subtype.status for name, subtype in part.items() if subtype.status != "ok"}


def elapsed_s(part: dict[str, Subtype]) -> float:
    return sum(int(subtype.context["elapsed-ms"]) for subtype in part.values()) / 1000


def test_a_capture_shows_every_gpu_by_nvml(capture: Callable[..., Snapshot]) -> None:
    part = gpu_part(capture())
    order = ["smi", "device", "hardware", "gpu-0", "gpu-0-state", "gpu-1", "gpu-1-state"]
    assert list(part) == [*order, "topology"]
    assert gaps(part) == {}
    assert part["smi"].data["gpu-count"] == 2
    assert part["hardware"].data["detection-source"] == "nvml"
    assert part["device"].data["driver"] == "570.124.06"
    uuids = [part[name].data["uuid"] for name in ("gpu-0", "gpu-1")]
    assert [part[name].data["name"] for name in ("gpu-0", "gpu-1")] == ["NVIDIA H100 80GB HBM3"] * 2
    assert part["topology"].data == {"/".join(map(str, uuids)): "NV18"}


# Without a GPU, the lab's nodes have none on their PCI bus: for this process alone they have two.
CHECK = """\
set -e
mkdir /run/gpu-check
cd /run/gpu-check
tar -x
mount -t tmpfs tmpfs /sys/bus/pci/devices
for bus in 1b 2b; do
    gpu=/sys/bus/pci/devices/0000:$bus:00.0
    mkdir $gpu
    echo 0x030200 > $gpu/class
    echo 0x10de | tee $gpu/vendor > $gpu/subsystem_vendor
    echo 0x2330 > $gpu/device
    echo 0x16c1 > $gpu/subsystem_device
    echo 1 > $gpu/numa_node
    ln -s ../../../bus/pci/drivers/nvidia $gpu/driver
done
python3 gpu-check ./kubectl-snapshot
"""


def test_every_reading_is_that_of_nvidia_smi_and_the_kernel(cluster: Cluster, zipapp: Path) -> None:
    lab = cluster.require_lab()
    tar = ["tar", "-c", "-C", support.ROOT / "scripts", "gpu-check", "gpu_check"]
    archive = subprocess.run(
        [
            *tar,
            "-C",
            zipapp.parent,
            f"--transform=s/^{zipapp.name}$/kubectl-snapshot/",
            zipapp.name,
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    inside = processes.node_command(lab, GPU_NODE, "unshare", "-m", "sh", "-c", CHECK)
    try:
        checked = subprocess.run(inside, input=archive.stdout, stdout=subprocess.PIPE)
    finally:
        cluster.node_exec(GPU_NODE, "rm", "-rf", "/run/gpu-check")
    table = checked.stdout.decode()
    assert " rows compared: " in table
    assert ", 0 differ, 0 missing; " in table, table
    assert checked.returncode == 0


def test_a_node_without_gpu_says_that_there_is_none(run_snapshot: Run, namespace: str) -> None:
    ended = run_snapshot("-n", namespace, "--node", OTHER_NODE)
    part = gpu_part(parse_valid(ended.stdout))
    assert set(gaps(part).values()) == {"absent"}
    assert part["smi"].data == {"gpu-count": 0}


def test_a_driver_that_hangs_costs_ten_seconds(
    capture: Callable[..., Snapshot], change_driver: Change
) -> None:
    change_driver(fault="hang")
    started = time.monotonic()
    snapshot = capture()
    assert time.monotonic() - started < HANG_S + CAPTURE_S
    part = gpu_part(snapshot)
    assert set(gaps(part).values()) == {"timeout"}
    assert "gpu-count" not in part["smi"].data
    assert elapsed_s(part) <= HANG_S + LATE_S
    assert "OS" not in snapshot.metadata["gaps"]


def test_one_gpu_of_eight_that_hangs_costs_itself(
    capture: Callable[..., Snapshot], change_driver: Change
) -> None:
    change_driver(gpus=8, gpu__3__fault="hang")
    part = gpu_part(capture())
    assert gaps(part) == {"gpu-3": "timeout", "gpu-3-state": "timeout", "topology": "partial"}
    assert part["smi"].data["gpu-count"] == 8
    assert len(part["topology"].data) == 7 * 6 / 2
    assert elapsed_s(part) <= HANG_S + LATE_S


def test_eight_gpus_that_the_driver_initializes_one_by_one_are_all_read(
    capture: Callable[..., Snapshot], change_driver: Change
) -> None:
    change_driver(gpus=8, attach=2000)
    part = gpu_part(capture())
    assert gaps(part) == {}
    assert elapsed_s(part) > 8 * 2 > HANG_S


def test_a_gpu_that_hangs_beside_slow_ones_costs_itself(
    capture: Callable[..., Snapshot], change_driver: Change
) -> None:
    change_driver(gpus=8, attach=1000, gpu__3__fault="hang")
    part = gpu_part(capture())
    assert gaps(part) == {"gpu-3": "timeout", "gpu-3-state": "timeout", "topology": "partial"}
    assert part["gpu-3"].context["reason"].endswith("no answer for 10 s")
    assert elapsed_s(part) <= 7 + HANG_S + LATE_S


def test_a_lost_gpu_is_named_and_the_other_reported(
    capture: Callable[..., Snapshot], change_driver: Change
) -> None:
    change_driver(gpu__1__fault="lost")
    part = gpu_part(capture())
    assert gaps(part) == {"gpu-1": "error", "gpu-1-state": "error", "topology": "unavailable"}
    assert "GPU is lost" in part["gpu-1"].context["reason"]
    assert part["gpu-0"].data["uuid"]


def test_eight_slow_gpus_take_the_time_of_one(
    capture: Callable[..., Snapshot], change_driver: Change
) -> None:
    def measure(gpus: int) -> float:
        change_driver(gpus=gpus, **{f"gpu__{index}__fault": "slow:15" for index in range(gpus)})
        part = gpu_part(capture())
        assert gaps(part).keys() <= {"topology"}
        return elapsed_s(part)

    one = measure(1)
    assert one > 1
    assert measure(8) < 2.5 * one


def test_a_library_that_does_not_match_the_kernel_module_is_an_error(
    capture: Callable[..., Snapshot], change_driver: Change
) -> None:
    change_driver(fault=18)
    part = gpu_part(capture())
    assert set(gaps(part).values()) == {"error"}
    assert "kernel module 570.124.06" in part["smi"].context["reason"]
    assert part["device"].data["driver"] == "570.124.06"


@pytest.mark.parametrize(
    ("level", "reason"), [("host-read", "device nodes"), ("false", "--privileged=false")]
)
def test_a_pod_with_less_rights_says_why_it_sees_no_gpu(
    capture: Callable[..., Snapshot], level: str, reason: str
) -> None:
    part = gpu_part(capture(f"--privileged={level}"))
    assert set(gaps(part).values()) == {"unavailable"}
    assert reason in part["smi"].context["reason"]
    assert not {"gpu-count", "gpu-present"} & part["hardware"].data.keys()


def test_a_required_gpu_is_requested_and_found(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    cluster.require_lab()
    words = ["-n", namespace, "--require-gpu", "--no-cleanup"]
    ended = run_snapshot(*words)
    assert ended.returncode == 0, ended.stderr
    assert parse_valid(ended.stdout).metadata["source-node"] == GPU_NODE
    (pod,) = cluster.client.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    assert pod["spec"]["containers"][0]["resources"]["requests"]["nvidia.com/gpu"] == "1"


def test_a_required_gpu_that_is_not_there_ends_with_3_and_prints_nothing(
    cluster: Cluster, run_snapshot: Run, namespace: str, change_driver: Change
) -> None:
    ended = run_snapshot("-n", namespace, "--require-gpu", "--node", OTHER_NODE)
    assert (ended.returncode, ended.stdout) == (3, ""), ended.stderr
    change_driver(fault=9)
    environment = {"AICR_REQUIRE_GPU": "true"}
    ended = run_snapshot("-n", namespace, "--node", GPU_NODE, env=environment)
    assert (ended.returncode, ended.stdout) == (3, ""), ended.stderr
    assert "no GPU found on node2" in ended.stderr
    assert_nothing_left(cluster)


def test_a_node_that_offers_its_gpus_by_dra_is_preferred_too(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    cluster.require_lab()
    slices = "/apis/resource.k8s.io/v1/resourceslices"
    body = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": "dra-test"},
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": OTHER_NODE,
            "pool": {"name": OTHER_NODE, "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": "gpu-0"}],
        },
    }
    cluster.client.call("POST", slices, body)
    try:
        foretold = run_snapshot("preflight", "-n", namespace).stdout
        required = run_snapshot("-n", namespace, "--require-gpu", "--node", OTHER_NODE)
    finally:
        cluster.client.call("DELETE", f"{slices}/dra-test")
    assert f"it prefers one with GPUs: {OTHER_NODE}, {GPU_NODE}" in foretold
    assert (required.returncode, required.stdout) == (3, "")
    assert f"not allocatable on {OTHER_NODE}, which has ResourceSlices (DRA)" in required.stderr
    after = run_snapshot("preflight", "-n", namespace).stdout
    assert f"it prefers one with GPUs: {GPU_NODE}\n" in after


def test_a_required_gpu_and_a_runtime_class_exclude_each_other(run_snapshot: Run) -> None:
    ended = run_snapshot("--require-gpu", "--runtime-class", "nvidia")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "are mutually exclusive" in ended.stderr


def test_a_lost_gpu_is_the_first_finding(
    change_driver: Change, run_snapshot: Run, namespace: str, cluster: Cluster
) -> None:
    words = ("findings", "@live", "--node", GPU_NODE, "-n", namespace, "--fail-on", "critical")
    healthy = run_snapshot(*words)
    assert healthy.returncode == 0, healthy.stdout
    change_driver(gpu__1__fault="lost")
    sick = run_snapshot(*words)
    assert sick.returncode == 1, sick.stdout
    assert sick.stdout.startswith("critical  gpu-lost: gpu-1 does not answer: ")
    assert "proof: GPU.gpu-1.context.status is error (the GPU does not respond: GPU is lost)" in (
        sick.stdout
    )
    assert_nothing_left(cluster)
