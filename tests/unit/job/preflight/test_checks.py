from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.clients.kube.errors import WriteConflict
from kubectl_snapshot.job.manifest import (
    build_job,
    build_owned_metadata,
    build_owner,
    build_sent_pod,
)
from kubectl_snapshot.job.options import RESTRICTED, JobOptions
from kubectl_snapshot.job.permissions import Permission
from kubectl_snapshot.job.preflight import checks

OPTIONS = JobOptions("abcdefghij", "ops", service_account_name="reader")
CREATED = Response(201, {})
JOBS = [Permission(verb, "batch", "jobs", "", "ops") for verb in ("create", "delete")]
LOG = Permission("get", "", "pods", "log", "ops")
NODES = Permission("get", "", "nodes")
POLICIES = Permission("list", "nvidia.com", "clusterpolicies")


def refused(
    status: int, why: str, kind: type[errors.SnapshotError] = errors.Unauthorized
) -> errors.SnapshotError:
    return kind("cannot create it", why, status=status)


NO_RIGHT = refused(403, 'User "x" cannot create resource "jobs" in API group "batch"')


def statuses(found: list[checks.PreflightCheck]) -> dict[str, str]:
    return {check.name: check.status for check in found}


def test_a_job_that_could_be_made_shows_that_namespace_and_name_are_right() -> None:
    found = checks.detect_job_creation(CREATED, OPTIONS)
    assert statuses(found) == {"namespace": "ok", "Job": "ok"}


@pytest.mark.parametrize(
    ("answer", "expected", "error"),
    [
        (refused(404, "not found", errors.NotFound), {"namespace": "fail"}, errors.NotFound),
        (
            refused(409, "exists", errors.InvalidRequest),
            {"namespace": "ok", "Job": "fail"},
            errors.InvalidRequest,
        ),
        (refused(409, "modified", WriteConflict), {"API server": "fail"}, WriteConflict),
        (refused(422, "bad", errors.InvalidRequest), {"namespace": "ok", "Job": "fail"}, None),
        (
            refused(403, "namespace ops because it is being terminated"),
            {"namespace": "fail"},
            errors.Unauthorized,
        ),
        (refused(403, "a webhook denied it"), {"namespace": "ok", "Job": "fail"}, None),
        (refused(401, "who?"), {"API server": "fail"}, errors.Unauthorized),
        (refused(0, "refused", errors.ServiceUnavailable), {"API server": "fail"}, None),
        (NO_RIGHT, {}, None),
    ],
)
def test_a_rejected_job_fails_the_check_of_its_cause(
    answer: errors.SnapshotError, expected: dict[str, str], error: type[Exception] | None
) -> None:
    found = checks.detect_job_creation(answer, OPTIONS)
    assert statuses(found) == expected
    if error:
        assert isinstance(found[-1].error, error)


def test_without_a_server_no_further_request_is_sent() -> None:
    gone = checks.detect_job_creation(refused(0, "refused", errors.ServiceUnavailable), OPTIONS)
    assert checks.is_server_unusable(gone)
    assert not checks.is_server_unusable(checks.detect_job_creation(NO_RIGHT, OPTIONS))


def test_permissions_have_a_check_per_resource_and_one_error_for_all() -> None:
    found = checks.detect_permissions([*JOBS, LOG], {JOBS[0]}, "ann")
    assert [(f.name, f.status, f.reason) for f in found] == [
        ("permissions on jobs.batch", "fail", "missing in namespace ops: delete"),
        ("permissions on pods/log", "fail", "missing in namespace ops: get"),
    ]
    assert found[0].error is found[1].error
    assert found[0].error is not None
    assert "delete jobs.batch; get pods/log" in str(found[0].error)
    assert found[0].fix.endswith("`kubectl auth can-i delete jobs.batch -n ops`")


def test_granted_permissions_are_ok() -> None:
    (found,) = checks.detect_permissions(JOBS, set(JOBS), "ann")
    assert (found.status, found.reason) == ("ok", "granted in namespace ops: create, delete")


@pytest.mark.parametrize(
    ("scope", "allowed", "status", "leaves_gap"),
    [
        ("client", {NODES, POLICIES}, "ok", False),
        ("client", {POLICIES}, "warn", True),
        ("client", {NODES}, "warn", False),
        ("agent", set(), "ok", False),
        ("skip", set(), "ok", False),
    ],
)
def test_a_missing_required_permission_leaves_a_gap(
    scope: str, allowed: set[Permission], status: str, leaves_gap: bool
) -> None:
    options = replace(
        OPTIONS, cluster_scope=scope, reads=(NODES, POLICIES), required_reads=(NODES,)
    )
    found = checks.detect_scope(options, allowed)
    assert (found.status, found.leaves_gap) == (status, leaves_gap)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (CREATED, "ok"),
        (refused(403, "exceeded quota: tight"), "fail"),
        (refused(403, 'User "x" cannot create resource "pods" in API group ""'), None),
        (refused(403, 'admission webhook "w" denied the request'), None),
        (refused(500, "exceeded quota: tight", errors.ServiceUnavailable), None),
    ],
)
def test_only_built_in_admission_of_the_pod_stops_a_capture(
    answer: checks.Answer, status: str | None
) -> None:
    found = checks.detect_pod(answer, OPTIONS)
    assert (found.status if found else None) == status


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (CREATED, None),
        (refused(403, 'User "x" cannot create resource "pods" in API group ""'), None),
        (
            refused(400, 'admission webhook "w" denied the request', errors.InvalidRequest),
            errors.Unauthorized,
        ),
        (
            refused(500, 'failed calling webhook "w": EOF', errors.ServiceUnavailable),
            errors.ServiceUnavailable,
        ),
        (refused(500, "etcd is down", errors.ServiceUnavailable), None),
    ],
)
def test_a_webhooks_denial_in_the_dry_run_has_the_error_of_the_capture(
    answer: checks.Answer, error: type[errors.SnapshotError] | None
) -> None:
    found = checks.detect_admission_refusal(answer, OPTIONS)
    assert (type(found.error) if found else None) is error


def test_an_exceeded_quota_is_a_warning_with_wait_for_schedule() -> None:
    full = refused(403, "exceeded quota: tight")
    waiting = replace(OPTIONS, wait_for_schedule=True)
    assert checks.detect_pod(full, waiting) is None
    found = checks.detect_admission_refusal(full, waiting)
    assert found is not None
    assert (found.status, found.error) == ("warn", None)


@pytest.mark.parametrize(
    ("labels", "warned", "fails"),
    [
        (
            {checks.ENFORCE_LABEL: "restricted"},
            'would violate PodSecurity "restricted:latest"',
            True,
        ),
        (
            {checks.ENFORCE_LABEL: "baseline"},
            'would violate PodSecurity "restricted:latest"',
            False,
        ),
        ({}, 'would violate PodSecurity "restricted:latest"', False),
        ({checks.ENFORCE_LABEL: "restricted"}, "another warning", False),
    ],
)
def test_a_pod_security_warning_fails_only_if_the_namespace_enforces_it(
    labels: dict[str, str], warned: str, fails: bool
) -> None:
    namespace = Response(200, {"metadata": {"labels": labels}})
    found = checks.detect_pod_security([warned], namespace, OPTIONS)
    assert (found.status if found else None) == ("fail" if fails else None)


def test_an_unreadable_namespace_does_not_fail_pod_security() -> None:
    warned = ['would violate PodSecurity "restricted:latest"']
    assert checks.detect_pod_security(warned, refused(403, "no"), OPTIONS) is None


def test_the_hint_for_a_restricted_pod_does_not_suggest_privileged_false() -> None:
    namespace = Response(200, {"metadata": {"labels": {checks.ENFORCE_LABEL: "restricted"}}})
    options = replace(OPTIONS, level=RESTRICTED)
    found = checks.detect_pod_security(
        ['would violate PodSecurity "restricted:latest"'], namespace, options
    )
    assert found is not None
    assert "--privileged" not in found.fix


@pytest.mark.parametrize(
    ("found", "is_strict", "code"),
    [
        ([checks.PreflightCheck("a", "ok", "")], True, 0),
        ([checks.PreflightCheck("a", "warn", "", leaves_gap=True)], False, 0),
        ([checks.PreflightCheck("a", "warn", "", leaves_gap=True)], True, 10),
        ([checks.PreflightCheck("a", "warn", "")], True, 0),
        (
            [
                checks.PreflightCheck("a", "warn", "", leaves_gap=True),
                checks.build_failed_check("b", errors.NotFound("x")),
                checks.build_failed_check("c", errors.Unauthorized("y")),
            ],
            True,
            3,
        ),
    ],
)
def test_the_exit_code_is_the_first_failures(found: list[Any], is_strict: bool, code: int) -> None:
    assert checks.choose_exit_code(found, is_strict) == code


def found_job(options: JobOptions, **spec: Any) -> dict[str, str]:
    job = build_job(options, "")
    job["spec"].update(spec)
    return statuses(checks.detect_job_creation(Response(201, job), options))


def test_a_suspended_job_fails_unless_a_queue_is_named_or_waited_for() -> None:
    assert found_job(OPTIONS, suspend=False) == {"namespace": "ok", "Job": "ok"}
    assert found_job(OPTIONS, suspend=True) == {"namespace": "ok", "Job": "fail"}
    assert found_job(replace(OPTIONS, wait_for_schedule=True), suspend=True)["Job"] == "warn"
    assert found_job(replace(OPTIONS, job_labels={"queue": "a"}), suspend=True)["Job"] == "ok"


def test_a_changed_job_or_pod_has_the_status_of_the_change() -> None:
    pod = build_sent_pod(OPTIONS)
    assert getattr(checks.detect_pod(Response(201, pod), OPTIONS), "status", "") == "ok"
    for change, status, leaves_gap in (
        ({"hostPID": False}, "warn", True),
        ({"containers": [{"name": "other"}]}, "fail", False),
    ):
        changed = {**pod, "spec": {**pod["spec"], **change}}
        found = checks.detect_pod(Response(201, changed), OPTIONS)
        assert found is not None
        assert (found.status, found.leaves_gap) == (status, leaves_gap)
    moved = {**pod, "spec": {**pod["spec"], "nodeName": "node2"}}
    found = checks.detect_pod(Response(201, moved), replace(OPTIONS, node_name="node1"))
    assert found is not None
    assert "node node2, not on node1" in found.reason


SECRET = {"kind": "Secret", "metadata": build_owned_metadata(OPTIONS, build_owner(OPTIONS, "u"))}
QUOTA = refused(403, 'secrets "x" is forbidden: exceeded quota: tight')


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (QUOTA, "the run's Secret exceeds the quota of namespace ops"),
        (
            refused(400, 'admission webhook "w" denied the request: no', errors.InvalidRequest),
            "admission webhook w denied the run's Secret",
        ),
        (
            refused(500, 'failed calling webhook "w": x', errors.ServiceUnavailable),
            "admission webhook w does not respond, so the run's Secret cannot be created",
        ),
        (refused(422, "bad"), "cannot create it"),
        (
            Response(201, {"metadata": {"labels": SECRET["metadata"]["labels"]}}),
            "admission changed what the run sent: it cannot be trusted",
        ),
    ],
)
def test_a_refused_object_is_named_with_who_refused_it(answer: Any, what: str) -> None:
    found = checks.detect_object(answer, SECRET, OPTIONS)
    assert found is not None
    assert (found.name, found.status) == ("Secret", "fail")
    assert found.error is not None
    assert found.error.what == what


def test_an_accepted_object_has_no_check_and_a_quota_can_be_waited_for() -> None:
    assert checks.detect_object(Response(201, SECRET), SECRET, OPTIONS) is None
    found = checks.detect_object(QUOTA, SECRET, replace(OPTIONS, wait_for_schedule=True))
    assert found is not None
    assert (found.status, found.error) == ("warn", None)
    assert "exceeded quota: tight" in found.reason
