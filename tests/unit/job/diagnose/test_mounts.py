from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.errors import exit_code
from kubectl_snapshot.job.diagnose.mounts import diagnose_mount
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops")
GONE = 'MountVolume.SetUp failed for volume "agent" : {} "{}" not found'


def event(message: str, count: int | None = 2, reason: str = "FailedMount") -> dict[str, Any]:
    return {"type": "Warning", "reason": reason, "message": message, "count": count}


@pytest.mark.parametrize(("resource", "kind"), [("configmap", "ConfigMap"), ("secret", "Secret")])
def test_an_object_of_the_run_that_is_gone_is_named(resource: str, kind: str) -> None:
    message = GONE.format(resource, OPTIONS.name)
    error = diagnose_mount(event(message), OPTIONS)
    assert error is not None
    assert error.what == f"{kind} ops/{OPTIONS.name} was deleted by another client"
    assert (error.why, exit_code(error)) == (message, 8)


@pytest.mark.parametrize(
    "seen",
    [
        event(GONE.format("configmap", OPTIONS.name), 1),
        event(GONE.format("configmap", OPTIONS.name), None),
        event(GONE.format("configmap", "of-a-sidecar")),
        event(GONE.format("configmap", OPTIONS.name), reason="Failed"),
        event("MountVolume.SetUp failed: failed to sync configmap cache: timed out"),
    ],
)
def test_other_mounts_may_still_succeed(seen: dict[str, Any]) -> None:
    assert diagnose_mount(seen, OPTIONS) is None
