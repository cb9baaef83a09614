from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.job.diagnose.scheduling import diagnose_unschedulable
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.pod import is_unschedulable
from kubectl_snapshot.job.selectors import Toleration

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


def changed_pod(message: str, **spec: Any) -> dict[str, Any]:
    tolerations = [{"operator": "Exists"}]
    return {
        **unschedulable(message),
        "spec": {"containers": [{}], "tolerations": tolerations, **spec},
    }


@pytest.mark.parametrize(
    ("message", "spec", "why"),
    [
        (
            "1 node(s) didn't match Pod's node affinity/selector",
            {"nodeSelector": {"kubernetes.io/os": "linux", "pool": "gpu", "team": "a", "x": "y"}},
            "admission added the node selector team=a, x=y; ",
        ),
        (
            "1 node(s) had untolerated taint(s)",
            {"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]},
            "admission removed the agent's tolerations; ",
        ),
        ("1 node(s) had untolerated taint(s)", {"tolerations": None}, "admission removed the"),
        (
            "1 node(s) didn't match pod anti-affinity rules",
            {"affinity": {"podAntiAffinity": {"x": 1}}},
            "admission added a pod anti-affinity; ",
        ),
    ],
)
def test_what_admission_changed_explains_why_no_node_accepts_the_pod(
    message: str, spec: dict[str, Any], why: str
) -> None:
    error = diagnose_unschedulable(changed_pod(message, **spec), OPTIONS)
    assert isinstance(error, errors.NotFound)
    assert error.what == "no node accepts the agent's pod as admission changed it"
    assert error.why.startswith(why)
    assert "mutatingwebhookconfigurations" in error.hint


@pytest.mark.parametrize(
    ("message", "spec"),
    [
        ("1 Insufficient cpu", {"nodeSelector": {"team": "a"}}),
        ("1 Insufficient cpu", {"affinity": {"podAntiAffinity": {"x": 1}}, "tolerations": []}),
        ("1 node(s) had untolerated taint(s)", {}),
        ("1 node(s) didn't match Pod's node affinity/selector", {"nodeSelector": {"pool": "gpu"}}),
    ],
)
def test_a_change_that_does_not_explain_it_is_not_blamed(
    message: str, spec: dict[str, Any]
) -> None:
    error = diagnose_unschedulable(changed_pod(message, **spec), OPTIONS)
    assert "admission" not in str(error)


def test_the_tolerations_that_were_asked_for_are_no_change() -> None:
    own = replace(OPTIONS, tolerations=(Toleration("a", "Exists", "", "NoSchedule"),))
    kept = [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}]
    taint = "1 node(s) had untolerated taint(s)"
    assert "admission" not in str(diagnose_unschedulable(changed_pod(taint, tolerations=kept), own))
    lost = diagnose_unschedulable(changed_pod(taint, tolerations=[]), own)
    assert "admission removed the agent's tolerations" in lost.why
