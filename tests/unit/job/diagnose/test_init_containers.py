from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.errors import NotFound, exit_code
from kubectl_snapshot.job.diagnose.init_containers import diagnose_init, find_running_init
from kubectl_snapshot.job.diagnose.pending import diagnose_pending
from kubectl_snapshot.job.diagnose.timeout import diagnose_timeout
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops")
TITLE = "init container vault-agent-init, which admission added,"


def pod(state: dict[str, Any], policy: str = "") -> dict[str, Any]:
    name = "vault-agent-init"
    own = {"name": name, **({"restartPolicy": policy} if policy else {})}
    statuses = [{"name": name, "image": "vault:1", "state": state}]
    return {
        "metadata": {"name": "p", "namespace": "ops"},
        "spec": {"nodeName": "node1", "initContainers": [own]},
        "status": {"phase": "Pending", "initContainerStatuses": statuses},
    }


@pytest.mark.parametrize(
    ("state", "what", "why"),
    [
        ({"terminated": {"exitCode": 3, "reason": "Error"}}, "failed", "exit code 3: Error"),
        (
            {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file"}},
            "failed",
            "exit code 128: no such file",
        ),
        (
            {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
            "cannot start",
            "CrashLoopBackOff: back-off 10s",
        ),
        (
            {"waiting": {"reason": "CreateContainerConfigError", "message": "no secret"}},
            "cannot start",
            "CreateContainerConfigError: no secret",
        ),
        (
            {"waiting": {"reason": "CreateContainerError", "message": "x"}},
            "cannot start",
            "CreateContainerError: x",
        ),
        (
            {"waiting": {"reason": "RunContainerError", "message": "x"}},
            "cannot start",
            "RunContainerError: x",
        ),
    ],
)
def test_an_init_container_that_fails_is_named(state: dict[str, Any], what: str, why: str) -> None:
    for error in (diagnose_init(pod(state)), diagnose_pending(pod(state), "ours", OPTIONS)):
        assert error is not None
        assert (error.what, error.why, exit_code(error)) == (f"{TITLE} {what}", why, 8)
        assert "mutatingwebhookconfigurations" in error.hint


def test_its_image_is_diagnosed_as_the_agents() -> None:
    waiting = {"reason": "ErrImagePull", "message": "vault:1: not found"}
    error = diagnose_init(pod({"waiting": waiting}))
    assert isinstance(error, NotFound)
    assert error.what == "image vault:1 not found"
    assert error.why == f"of {TITLE} ErrImagePull: vault:1: not found"


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"waiting": {"reason": "PodInitializing"}},
        {"running": {}},
        {"terminated": {"exitCode": 0, "reason": "Completed"}},
    ],
)
def test_one_that_may_still_succeed_is_no_failure(state: dict[str, Any]) -> None:
    assert diagnose_init(pod(state)) is None
    assert diagnose_init({"status": {}}) is None


def test_a_native_sidecar_neither_fails_nor_holds_the_pod() -> None:
    assert diagnose_init(pod({"terminated": {"exitCode": 1}}, "Always")) is None
    assert find_running_init(pod({"running": {}}, "Always")) == ""
    assert find_running_init(pod({"running": {}})) == "vault-agent-init"
    assert find_running_init(pod({"terminated": {"exitCode": 0}})) == ""


def test_a_timeout_names_the_one_that_is_running_or_what_held_the_start() -> None:
    error = diagnose_timeout(pod({"running": {}}), "ours", OPTIONS, "")
    assert error.why == (
        "the pod on node1 is Pending: init container vault-agent-init is still running"
    )
    held = diagnose_timeout({}, "ours", OPTIONS, "a warning", "the Job is suspended")
    assert held.why == "the Job is suspended; last warning: a warning"
