from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.errors import exit_code
from kubectl_snapshot.job.diagnose.mounts import (
    diagnose_mount,
    diagnose_sandbox,
    find_missing_object,
)
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops")
GONE = 'MountVolume.SetUp failed for volume "agent" : {} "{}" not found'


def event(message: str, count: int | None = 4, reason: str = "FailedMount") -> dict[str, Any]:
    return {"type": "Warning", "reason": reason, "message": message, "count": count}


@pytest.mark.parametrize(("resource", "kind"), [("configmap", "ConfigMap"), ("secret", "Secret")])
def test_an_object_of_the_run_that_is_gone_is_named(resource: str, kind: str) -> None:
    message = GONE.format(resource, OPTIONS.name)
    missing = find_missing_object(event(message, 3), OPTIONS)
    assert missing is not None
    assert missing.resource == f"{resource}s"
    assert missing.error.what == f"{kind} ops/{OPTIONS.name} was deleted by another client"
    assert (missing.error.why, exit_code(missing.error)) == (message, 8)
    assert diagnose_mount(event(message, 50), OPTIONS, "node1") is None


@pytest.mark.parametrize(
    "seen",
    [
        event(GONE.format("configmap", OPTIONS.name), 2),
        event(GONE.format("configmap", OPTIONS.name), None),
        event(GONE.format("configmap", "of-a-sidecar")),
        event(GONE.format("configmap", OPTIONS.name), reason="Failed"),
        event('MountVolume.SetUp failed for volume "key" : object "ops"/"x" not registered', 50),
        event("MountVolume.SetUp failed: failed to sync configmap cache: timed out"),
    ],
)
def test_other_mounts_may_still_succeed(seen: dict[str, Any]) -> None:
    assert diagnose_mount(seen, OPTIONS, "node1") is None
    assert find_missing_object(seen, OPTIONS) is None


@pytest.mark.parametrize(("count", "is_told"), [(4, False), (5, True)])
def test_a_volume_of_others_that_stays_unmountable_is_told(count: int, is_told: bool) -> None:
    message = 'MountVolume.SetUp failed for volume "added" : secret "of-a-sidecar" not found'
    error = diagnose_mount(event(message, count), OPTIONS, "node1")
    assert (error is not None) is is_told
    if error is not None:
        assert error.what == "node node1 cannot mount a volume of the agent's pod"
        assert (error.why, exit_code(error)) == (message, 8)


SANDBOX = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to "


HANDLER = SANDBOX + 'get sandbox runtime: no runtime for "nvidia" is configured'
PLUGIN = SANDBOX + 'setup network for sandbox "1": plugin type="x" failed (add)'


@pytest.mark.parametrize(
    ("reason", "message", "code", "what", "is_certain"),
    [
        (
            "FailedCreatePodSandBox",
            HANDLER,
            3,
            "the container runtime of node node1 has no handler nvidia",
            True,
        ),
        (
            "FailedCreatePodSandBox",
            PLUGIN,
            6,
            "node node1 has no working network plugin for pods",
            False,
        ),
        (
            "NetworkNotReady",
            "container runtime is not ready: CNI plugin not initialized",
            6,
            "node node1 has no working network plugin for pods",
            False,
        ),
        (
            "FailedCreatePodSandBox",
            SANDBOX + "create containerd task: no such file",
            6,
            "node node1 cannot create the agent's pod",
            False,
        ),
    ],
)
def test_a_node_that_cannot_create_a_sandbox_is_named(
    reason: str, message: str, code: int, what: str, is_certain: bool
) -> None:
    hold = diagnose_sandbox(event(message, None, reason), "node1")
    assert hold is not None
    assert (exit_code(hold.error), hold.error.what, hold.error.why) == (code, what, message)
    assert hold.is_certain is is_certain
    assert ("privileged capture" in hold.error.hint) is ("network" in what)


def test_other_events_are_no_diagnosis_of_a_sandbox() -> None:
    assert diagnose_sandbox(event("cni plugin not initialized", 9, "BackOff"), "node1") is None
