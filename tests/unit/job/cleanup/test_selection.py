from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot.job.cleanup.selection import (
    CleanupObject,
    CleanupSelector,
    decide_cleanup,
    parse_cleanup_object,
)
from kubectl_snapshot.job.options import RUN_ID_LENGTH

# 2026-11-23T08:00:00Z
NOW = 1795420800.0
EXPIRES = "2026-11-23T08:05:00Z"
ALIVE = CleanupObject("Job", "kubectl-snapshot-a", "ops", "aaaaaaaaaa", "u1", NOW - 60, NOW + 300)
FINISHED = replace(ALIVE, is_finished=True)
EXPIRED = replace(ALIVE, created=NOW - 900, expires=NOW - 61)
ROLE = replace(ALIVE, kind="ClusterRole", namespace="", uid="u2")
ORPHAN = replace(ALIVE, kind="ConfigMap", expires=0, uid="u3")


def choices(*found: CleanupObject, **selector: Any) -> list[tuple[bool, str]]:
    chosen = decide_cleanup(found, CleanupSelector(**selector), NOW)
    return [(choice.is_selected, choice.reason) for choice in chosen]


def item(**metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "kubectl-snapshot-a",
            "namespace": "ops",
            "uid": "u1",
            "labels": {"kubectl-snapshot/run": "aaaaaaaaaa"},
            "creationTimestamp": "2026-11-23T07:59:00Z",
            "annotations": {"kubectl-snapshot/expires": EXPIRES},
            **metadata,
        }
    }


def test_a_job_of_the_api_is_read_with_its_times() -> None:
    assert parse_cleanup_object("Job", item()) == ALIVE


@pytest.mark.parametrize(
    ("status", "is_finished"),
    [
        ({"conditions": [{"type": "Complete", "status": "True"}]}, True),
        ({"conditions": [{"type": "Failed", "status": "True"}]}, True),
        ({"conditions": [{"type": "Failed", "status": "False"}]}, False),
        ({"conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]}, False),
        ({}, False),
    ],
)
def test_a_job_is_finished_by_its_conditions(status: dict[str, Any], is_finished: bool) -> None:
    assert parse_cleanup_object("Job", {**item(), "status": status}).is_finished is is_finished


@pytest.mark.parametrize("annotations", [None, {}, {"kubectl-snapshot/expires": "soon"}])
def test_an_invalid_expiry_is_ignored(annotations: dict[str, str] | None) -> None:
    assert parse_cleanup_object("Job", item(annotations=annotations)).expires == 0


def test_an_active_run_is_kept() -> None:
    assert choices(ALIVE) == [(False, f"active, expires at {EXPIRES}")]


def test_an_expiry_counts_after_a_margin() -> None:
    assert choices(replace(ALIVE, expires=NOW - 60))[0][0] is False
    assert choices(replace(ALIVE, expires=NOW - 61))[0][0] is True


def test_a_job_expires_by_the_servers_clock_whatever_its_annotation() -> None:
    spec = {"activeDeadlineSeconds": 90, "ttlSecondsAfterFinished": 300, "completions": 1}
    made = item(creationTimestamp="2026-11-23T08:00:00Z")
    annotated = parse_cleanup_object("Job", made).expires
    started = parse_cleanup_object("Job", {**made, "spec": spec}).created
    assert parse_cleanup_object("Job", {**made, "spec": spec}).expires == started + 390
    for name in ("activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        rest = {key: value for key, value in spec.items() if key != name}
        assert parse_cleanup_object("Job", {**made, "spec": rest}).expires == annotated


def test_a_keeper_is_not_finished_before_it_expires() -> None:
    status = {"conditions": [{"type": "Complete", "status": "True"}]}
    for completions, is_finished in ((0, False), (1, True)):
        found = parse_cleanup_object(
            "Job", {**item(), "spec": {"completions": completions}, "status": status}
        )
        assert found.is_finished is is_finished


def test_a_finished_or_expired_run_is_deleted() -> None:
    assert choices(FINISHED) == [(True, "its run has finished")]
    assert choices(EXPIRED) == [(True, "expired at 2026-11-23T07:58:59Z")]
    assert choices(replace(EXPIRED, expires=NOW)) == [
        (False, "active, expires at 2026-11-23T08:00:00Z")
    ]


def test_an_owned_object_is_left_to_garbage_collection() -> None:
    assert choices(ALIVE, replace(ORPHAN, is_owned=True)) == choices(ALIVE)


def test_a_terminating_object_is_left_alone() -> None:
    assert choices(replace(FINISHED, is_terminating=True)) == [(False, "terminating")]


@pytest.mark.parametrize(("job", "is_selected"), [(ALIVE, False), (FINISHED, True)])
def test_a_role_is_deleted_with_the_job_of_its_run(job: CleanupObject, is_selected: bool) -> None:
    assert choices(ROLE, job)[1][0] is is_selected


def test_a_role_whose_job_was_not_listed_stays() -> None:
    assert choices(ROLE) == [(False, f"expires at {EXPIRES}; -A also looks for its Job")]
    # Its Job may be alive in another namespace, by the clock of a client that is behind.
    late = replace(ROLE, expires=NOW - 3600)
    assert [is_kept for is_kept, _ in choices(late)] == [False]


def test_a_role_without_a_job_in_any_namespace_is_orphaned() -> None:
    assert choices(ROLE, sees_all_jobs=True) == [(True, "orphaned: its Job no longer exists")]


def test_an_orphan_is_deleted() -> None:
    assert choices(ORPHAN) == [(True, "orphaned: its Job no longer exists")]


def test_with_older_than_only_the_age_decides() -> None:
    assert choices(ALIVE, older_than_s=60) == [(True, "60 s old")]
    assert choices(FINISHED, older_than_s=61) == [(False, "60 s old")]


def test_a_named_run_is_deleted_even_if_active() -> None:
    assert choices(ALIVE, ROLE, run_id="aaaaaaaaaa") == [(True, "of run aaaaaaaaaa")] * 2


def test_run_ids_have_the_generated_length() -> None:
    assert len(ALIVE.run_id) == RUN_ID_LENGTH
