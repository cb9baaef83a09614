from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.job.diagnose.admission import (
    diagnose_creation,
    diagnose_job_event,
    is_quota,
)
from kubectl_snapshot.job.options import JobOptions

OPTIONS = JobOptions("abcdefghij", "ops", service_account_name="reader", runtime_class="nvidia")


def failed_create(message: str) -> dict[str, Any]:
    return {"type": "Warning", "reason": "FailedCreate", "message": message}


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        (
            'error looking up service account ops/reader: serviceaccount "reader" not found',
            errors.NotFound,
            'service account "reader" not found',
        ),
        (
            'pod rejected: RuntimeClass "nvidia" not found',
            errors.NotFound,
            'runtime class "nvidia" not found',
        ),
        (
            "forbidden: no PriorityClass with name high was found",
            errors.NotFound,
            'priority class "high" not found',
        ),
        (
            "ValidatingAdmissionPolicy 'calm' with binding 'b' denied request: exceeded quota",
            errors.Unauthorized,
            "admission policy calm denied the agent's pod",
        ),
        (
            'admission webhook "w" denied the request: violates PodSecurity, serviceaccount '
            "not found, is being terminated",
            errors.Unauthorized,
            "admission webhook w denied the agent's pod",
        ),
        (
            'Pod "p" is invalid: spec.hostNetwork: Forbidden',
            errors.Internal,
            "admission made the agent's pod invalid",
        ),
        (
            'violates PodSecurity "restricted:latest"',
            errors.Unauthorized,
            "Pod Security of namespace ops rejects",
        ),
        ("forbidden: exceeded quota: tight", errors.Unauthorized, "quota"),
        ("forbidden: failed quota: tight: must specify cpu", errors.Unauthorized, "quota"),
        (
            "forbidden: cpu max limit to request ratio per Pod is 2, but provided ratio is 20",
            errors.Unauthorized,
            "a LimitRange of namespace ops",
        ),
        (
            'admission webhook "w" denied the request: no',
            errors.Unauthorized,
            "admission webhook w denied",
        ),
        (
            'failed calling webhook "w": failed to call webhook: connection refused',
            errors.ServiceUnavailable,
            "admission webhook w does not respond",
        ),
        (
            "forbidden: maximum memory usage per Container is 64Mi, but limit is 256Mi",
            errors.Unauthorized,
            "a LimitRange of namespace ops",
        ),
        (
            "forbidden: cannot create in namespace ops because it is being terminated",
            errors.Unauthorized,
            "namespace ops is terminating",
        ),
        ("forbidden: not today", errors.Unauthorized, "was rejected in namespace ops"),
    ],
)
def test_an_event_explains_a_pod_that_cannot_be_created(
    message: str, kind: type[errors.SnapshotError], words: str
) -> None:
    error = diagnose_job_event(failed_create(message), OPTIONS)
    assert isinstance(error, kind)
    assert words in error.what
    assert error.why == message


def test_other_warnings_are_no_diagnosis() -> None:
    mount = {"type": "Warning", "reason": "FailedMount", "message": "failed to sync cache"}
    assert diagnose_job_event(mount, OPTIONS) is None


def test_a_quota_is_waited_for_with_wait_for_schedule() -> None:
    event = failed_create("forbidden: exceeded quota: tight")
    assert diagnose_job_event(event, replace(OPTIONS, wait_for_schedule=True)) is None


def test_a_denial_in_the_words_of_a_quota_is_not_waited_for() -> None:
    waiting = replace(OPTIONS, wait_for_schedule=True)
    denied = 'admission webhook "w" denied the request: exceeded quota'
    error = diagnose_job_event(failed_create(denied), waiting)
    assert error is not None
    assert error.what == "admission webhook w denied the agent's pod"
    assert not is_quota(errors.Unauthorized("x", denied, status=403))
    assert is_quota(errors.Unauthorized("x", "exceeded quota: tight", status=403))
    assert not is_quota(errors.Unauthorized("x", "exceeded quota: tight", status=401))


def test_a_class_that_admission_chose_is_told_from_the_users_own() -> None:
    def hint(name: str) -> str:
        error = diagnose_job_event(failed_create(f'RuntimeClass "{name}" not found'), OPTIONS)
        assert error is not None
        return error.hint

    assert hint("nvidia") == "list them with `kubectl get runtimeclasses`"
    assert hint("kata") == "admission chose it; list them with `kubectl get runtimeclasses`"


def test_an_object_that_a_policy_denies_is_named() -> None:
    denied = "ValidatingAdmissionPolicy 'calm' with binding 'b' denied request: no"
    error = diagnose_creation(errors.InvalidRequest("x", denied), "ConfigMap", OPTIONS)
    assert isinstance(error, errors.Unauthorized)
    assert error.what == "admission policy calm denied the run's ConfigMap"
    own = errors.InvalidRequest("x", "it is a conflict")
    assert diagnose_creation(own, "ConfigMap", OPTIONS) is own
