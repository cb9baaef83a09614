"""Faults of placement: nodes that the scheduler would choose, and nobody should."""

from __future__ import annotations

from functools import partial

from tests.cluster.faults import arrange
from tests.cluster.faults.fault import ALONE, Fault
from tests.validation import parse_valid

GPUS = {"nvidia.com/gpu": "8"}
GPU_LABELS = {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.count": "8"}
MIG = {"nvidia.com/mig-1g.10gb": "7"}
dead = partial(arrange.with_node, is_ready=False, labels=GPU_LABELS, allocatable=GPUS)
virtual = partial(
    arrange.with_node, is_ready=True, labels={"type": "virtual-kubelet"}, allocatable={}
)
mig = partial(arrange.with_node, is_ready=True, labels={"pool": "mig"}, allocatable=MIG)


def expect_gpu_node(document: str) -> None:
    assert parse_valid(document).metadata["source-node"] == "node2"


def expect_real_node(document: str) -> None:
    assert parse_valid(document).metadata["source-node"] in ("node1", "node2")


PLACEMENT = {
    "a dead node with 8 GPUs": Fault(
        arrange=dead, check=expect_gpu_node, preflight=0, lane=ALONE, is_any_node=True
    ),
    "a dead node, asked for by name": Fault(
        ("--node", "nowhere"),
        6,
        ("node nowhere does not respond",),
        dead,
        warnings=("node nowhere is not Ready (Test since", "trying it, as it was asked for"),
        preflight=6,
        lane=ALONE,
    ),
    "a virtual node": Fault(
        ("--skip", "GPU"),
        is_any_node=True,
        arrange=virtual,
        check=expect_real_node,
        preflight=0,
        lane=ALONE,
    ),
    "--require-gpu where there are MIG devices": Fault(
        ("--node-selector", "pool=mig", "--require-gpu"),
        3,
        ("has an allocatable GPU", "which has nvidia.com/mig-1g.10gb", "omit --require-gpu"),
        mig,
        preflight=3,
        lane=ALONE,
    ),
    "a selector of Windows nodes": Fault(
        ("--node-selector", "kubernetes.io/os=windows"),
        2,
        ("invalid node selector", "needs Linux"),
        preflight=2,
    ),
}
