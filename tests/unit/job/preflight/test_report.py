from __future__ import annotations

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.clients.kube.client import Response
from kubectl_snapshot.constants import DEFAULT_IMAGE
from kubectl_snapshot.job.options import HOST_READ, PRIVILEGED, RESTRICTED, JobOptions
from kubectl_snapshot.job.preflight.report import (
    detect_image,
    detect_level,
    detect_limits,
    detect_skew,
    detect_version,
)
from kubectl_snapshot.settings import CollectSettings

# Mon, 23 Nov 2026 08:00:00 GMT
NOW = 1795420800.0


def version(major: str, minor: str) -> Response:
    return Response(200, {"major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.1"})


@pytest.mark.parametrize(
    ("major", "minor", "status"),
    [
        ("1", "30", "ok"),
        ("1", "37", "ok"),
        ("1", "34+", "ok"),
        ("1", "29", "warn"),
        ("1", "38", "warn"),
        ("2", "34", "warn"),
        ("1", "", "warn"),
    ],
)
def test_a_version_outside_of_the_tested_ones_is_untested(
    major: str, minor: str, status: str
) -> None:
    found = detect_version(version(major, minor))
    assert found.status == status
    assert ("untested" in found.reason) is (status == "warn")


def test_a_version_that_cannot_be_read_is_a_warning() -> None:
    found = detect_version(errors.Unauthorized("cannot read it", "no", status=403))
    assert (found.status, found.reason) == ("warn", "cannot read its version: no")


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW, "in sync with the API server"),
        (NOW - 30, "in sync with the API server"),
        (NOW + 31, "this machine is 31 s ahead of the API server"),
        (NOW - 3600, "this machine is 3600 s behind the API server"),
    ],
)
def test_clock_skew_is_reported_in_seconds(now: float, reason: str) -> None:
    answer = Response(200, {}, date="Mon, 23 Nov 2026 08:00:00 GMT")
    assert [found.reason for found in detect_skew(answer, now)] == [reason]


@pytest.mark.parametrize("date", ["", "soon"])
def test_without_a_date_header_there_is_no_clock_check(date: str) -> None:
    assert detect_skew(Response(200, {}, date=date), NOW) == []


@pytest.mark.parametrize(
    "image",
    [
        DEFAULT_IMAGE,
        "python",
        "python:3.11-slim",
        "localhost:5000/a/b_c/d--e:v1",
        f"registry.example.org/team/app@sha256:{64 * chr(48)}",
        "[fd00::1]:5000/app",
    ],
)
def test_a_valid_image_reference_is_ok(image: str) -> None:
    assert detect_image(image).status == "ok"


@pytest.mark.parametrize(
    "image",
    ["", "Not An Image", "Foo", "a/B", "a:b:c/d", "http://a/b", "a@sha256:0", "-a", "a\n", "a:é"],
)
def test_an_invalid_image_reference_fails(image: str) -> None:
    assert isinstance(detect_image(image).error, errors.InvalidRequest)


@pytest.mark.parametrize(
    ("level", "settings", "gap"),
    [
        (PRIVILEGED, CollectSettings(), ""),
        (HOST_READ, CollectSettings(), "Driver.kernel-log will be"),
        (HOST_READ, CollectSettings(skips_kernel_log=True), ""),
        (HOST_READ, CollectSettings(skipped=("Driver",)), ""),
        (HOST_READ, CollectSettings(profile="reference"), ""),
        (RESTRICTED, CollectSettings(profile="reference"), "their readings will be"),
    ],
)
def test_a_level_foretells_the_gaps_that_it_leaves(
    level: str, settings: CollectSettings, gap: str
) -> None:
    found = detect_level(JobOptions("abcdefghij", "ops", level=level, settings=settings))
    assert [gap in check.reason and check.leaves_gap for check in found] == ([True] if gap else [])


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        (
            errors.Unauthorized("x", "pods is forbidden", status=403),
            "without permission to create pods",
        ),
        (
            errors.Timeout("x", "no answer in 10 s"),
            "as the pod's dry run failed (no answer in 10 s)",
        ),
    ],
)
def test_limits_that_no_dry_run_tested_are_named_with_the_reason(
    pod: errors.SnapshotError, why: str
) -> None:
    found = Response(200, {"items": [{"metadata": {"name": "tight"}}]})
    check = detect_limits([found, Response(200, {})], JobOptions("abcdefghij", "ops"), pod)
    assert (check.status, check.reason) == ("warn", f"cannot be tested {why}: tight")
