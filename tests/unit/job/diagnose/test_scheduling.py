from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.job.diagnose.scheduling import diagnose_unschedulable
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.pod import is_unschedulable

OPTIONS = JobOptions("abcdefghij", "ops", node_selector={"pool": "gpu"})


def unschedulable(message: str) -> dict[str, Any]:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
    }
    return {"status": {"conditions": [condition]}}


def test_no_node_of_the_selector_is_not_found() -> None:
    waiting = unschedulable("0/2 nodes are available: 2 node(s) didn't match affinity/selector")
    assert is_unschedulable(waiting)
    error = diagnose_unschedulable(waiting, OPTIONS)
    assert isinstance(error, errors.NotFound)
    assert error.what == "no node matches pool=gpu"
    assert "didn't match" in error.why


@pytest.mark.parametrize(
    ("message", "kind", "what"),
    [
        (
            "0/2 nodes are available: 1 Insufficient cpu, 2 Insufficient nvidia.com/gpu.",
            errors.ServiceUnavailable,
            "no node has room for the agent's pod: insufficient cpu and nvidia.com/gpu",
        ),
        (
            "0/9 nodes are available: 8 node(s) didn't match Pod's node affinity/selector, "
            "1 Too many pods.",
            errors.ServiceUnavailable,
            "no node has room for the agent's pod: insufficient pods",
        ),
        (
            "1 node(s) didn't match Pod's node affinity/selector, "
            "1 node(s) had untolerated taint {dedicated: ml}.",
            errors.NotFound,
            "no node accepts the agent's pod: untolerated taint dedicated: ml",
        ),
        (
            "1 node(s) had untolerated taint(s). no new claims to deallocate",
            errors.NotFound,
            "no node accepts the agent's pod: untolerated taint",
        ),
        (
            'persistentvolumeclaim "scratch" not found. no new claims to deallocate',
            errors.NotFound,
            "the agent's pod waits for a volume that kubectl-snapshot did not add",
        ),
        (
            "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable.",
            errors.ServiceUnavailable,
            "all matching nodes are cordoned",
        ),
    ],
)
def test_the_schedulers_message_becomes_a_diagnosis(
    message: str, kind: type[errors.SnapshotError], what: str
) -> None:
    error = diagnose_unschedulable(unschedulable(message), OPTIONS)
    assert isinstance(error, kind)
    assert (error.what, error.why) == (what, message)


def test_a_required_gpu_that_no_node_has_free_is_not_found() -> None:
    options = replace(OPTIONS, require_gpu=True)
    pod = unschedulable("1 Insufficient nvidia.com/gpu.")
    assert isinstance(diagnose_unschedulable(pod, options), errors.NotFound)
    pod = unschedulable("1 Insufficient memory.")
    assert isinstance(diagnose_unschedulable(pod, options), errors.ServiceUnavailable)
