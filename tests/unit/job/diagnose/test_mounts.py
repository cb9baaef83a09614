from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.errors import exit_code
from kubectl_snapshot.job.diagnose.mounts import diagnose_mount, diagnose_sandbox
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops")
GONE = 'MountVolume.SetUp failed for volume "agent" : {} "{}" not found'


def event(message: str, count: int | None = 4, reason: str = "FailedMount") -> dict[str, Any]:
    return {"type": "Warning", "reason": reason, "message": message, "count": count}


@pytest.mark.parametrize(("resource", "kind"), [("configmap", "ConfigMap"), ("secret", "Secret")])
def test_an_object_of_the_run_that_is_gone_is_named(resource: str, kind: str) -> None:
    message = GONE.format(resource, OPTIONS.name)
    error = diagnose_mount(event(message), OPTIONS, "node1")
    assert error is not None
    assert error.what == f"{kind} ops/{OPTIONS.name} was deleted by another client"
    assert (error.why, exit_code(error)) == (message, 8)


@pytest.mark.parametrize(
    "seen",
    [
        event(GONE.format("configmap", OPTIONS.name), 3),
        event(GONE.format("configmap", OPTIONS.name), None),
        event(GONE.format("configmap", "of-a-sidecar")),
        event(GONE.format("configmap", OPTIONS.name), reason="Failed"),
        event('MountVolume.SetUp failed for volume "key" : object "ops"/"x" not registered', 50),
        event("MountVolume.SetUp failed: failed to sync configmap cache: timed out"),
    ],
)
def test_other_mounts_may_still_succeed(seen: dict[str, Any]) -> None:
    assert diagnose_mount(seen, OPTIONS, "node1") is None


@pytest.mark.parametrize(("count", "is_told"), [(4, False), (5, True)])
def test_a_volume_of_others_that_stays_unmountable_is_told(count: int, is_told: bool) -> None:
    message = 'MountVolume.SetUp failed for volume "added" : secret "of-a-sidecar" not found'
    error = diagnose_mount(event(message, count), OPTIONS, "node1")
    assert (error is not None) is is_told
    if error is not None:
        assert error.what == "node node1 cannot mount a volume of the agent's pod"
        assert (error.why, exit_code(error)) == (message, 8)


SANDBOX = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to "


@pytest.mark.parametrize(
    ("reason", "count", "message", "code", "what"),
    [
        (
            "FailedCreatePodSandBox",
            None,
            SANDBOX + 'get sandbox runtime: no runtime for "nvidia" is configured',
            3,
            "the container runtime of node node1 has no handler nvidia",
        ),
        (
            "FailedCreatePodSandBox",
            1,
            SANDBOX + 'setup network for sandbox "1": plugin type="x" failed (add)',
            6,
            "node node1 has no working network plugin for pods",
        ),
        (
            "NetworkNotReady",
            3,
            "container runtime network not ready: cni plugin not initialized",
            6,
            "node node1 has no working network plugin for pods",
        ),
        (
            "FailedCreatePodSandBox",
            1,
            SANDBOX + "create containerd task: no such file",
            6,
            "node node1 cannot create the agent's pod",
        ),
    ],
)
def test_a_node_that_cannot_create_a_sandbox_is_named(
    reason: str, count: int | None, message: str, code: int, what: str
) -> None:
    error = diagnose_sandbox(event(message, count, reason), "node1")
    assert error is not None
    assert (exit_code(error), error.what, error.why) == (code, what, message)


@pytest.mark.parametrize(
    ("reason", "count"), [("NetworkNotReady", 2), ("NetworkNotReady", None), ("BackOff", 9)]
)
def test_a_network_that_begins_and_other_events_are_no_diagnosis(
    reason: str, count: int | None
) -> None:
    assert diagnose_sandbox(event("cni plugin not initialized", count, reason), "node1") is None
