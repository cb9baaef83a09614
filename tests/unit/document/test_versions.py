from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.versions import (
    compare_builds,
    compare_versions,
    equal_versions,
    looks_like_version,
    parse_version,
)
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.strategies import PROPERTY


@pytest.mark.parametrize(
    ("text", "numbers", "precision", "extras"),
    [
        ("1", (1, 0, 0), 1, ""),
        ("v1", (1, 0, 0), 1, ""),
        ("6.8", (6, 8, 0), 2, ""),
        ("v1.33.5", (1, 33, 5), 3, ""),
        ("24.04", (24, 4, 0), 2, ""),
        ("1.33.5-eks-3025e55", (1, 33, 5), 3, "-eks-3025e55"),
        ("v1.33.5-gke.1308000", (1, 33, 5), 3, "-gke.1308000"),
        ("1.33.5+k3s1", (1, 33, 5), 3, "+k3s1"),
        ("4.18.0-553.el8.x86_64", (4, 18, 0), 3, "-553.el8.x86_64"),
        ("1.2-rc.1", (1, 2, 0), 2, "-rc.1"),
        ("1.2.3-a\nb", (1, 2, 3), 3, "-a\nb"),
        ("1.0", (1, 0, 0), 2, ""),
        ("1.0.0", (1, 0, 0), 3, ""),
        ("999999999999999999.1", (10**18 - 1, 1, 0), 2, ""),
        ("+1.2", (1, 2, 0), 2, ""),
        ("-0", (0, 0, 0), 1, ""),
        ("9223372036854775807", (2**63 - 1, 0, 0), 1, ""),
    ],
)
def test_a_version_is_up_to_three_numbers_and_what_follows(
    text: str, numbers: tuple[int, int, int], precision: int, extras: str
) -> None:
    version = parse_version(text)
    assert (version.numbers, version.precision, version.extras) == (numbers, precision, extras)


@pytest.mark.parametrize(
    "text",
    [
        *("", "v", "V1.2", "vv1", " 1.2", "1.2 ", "1.2.x", "1..2", "1.", ".1", "1.2.3rc1", "1_0"),
        *("1.2.3~rc1", "1.2.3.4", "1.2.3.4-x", "-1", "1.-1.2", "5.15.0_aws", "latest", "١.٢"),
        *("9223372036854775808", "9" * 5000, "+-1", "570.86\n"),
    ],
)
def test_anything_else_is_no_version(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_version(text)


def test_what_is_no_version_is_quoted() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_version("1.2.3.4")
    assert (caught.value.what, caught.value.why) == (
        'invalid version "1.2.3.4"',
        "it has more than 3 parts",
    )


@pytest.mark.parametrize(
    ("a", "b", "order"),
    [
        ("1.32", "1.32.4", 0),
        ("6.8.0-1028-aws", "6.8", 0),
        ("1.9", "1.10", -1),
        ("570.158", "570.86", 1),
        ("1.30.0-rc.1", "1.30.0", 0),
        ("2", "1.99.99", 1),
    ],
)
def test_versions_compare_as_far_as_both_go(a: str, b: str, order: int) -> None:
    assert compare_versions(parse_version(a), parse_version(b)) == order
    assert compare_versions(parse_version(b), parse_version(a)) == -order


@pytest.mark.parametrize(
    ("a", "b", "is_equal"),
    [("1.33", "v1.33.0", True), ("1.33", "1.33.5", False), ("1.33.5", "1.33.5-eks", True)],
)
def test_versions_are_equal_by_all_three_numbers(a: str, b: str, is_equal: bool) -> None:
    assert equal_versions(parse_version(a), parse_version(b)) is is_equal


@pytest.mark.parametrize(
    ("text", "looks"),
    [("24.04", True), ("a.b1", True), ("1", False), ("v1", False), ("1e3", False), ("a.b", False)],
)
def test_a_digit_and_a_dot_look_like_a_version(text: str, looks: bool) -> None:
    assert looks_like_version(text) is looks


@PROPERTY
@given(st.text("0123456789.+-v", max_size=12) | st.text())
def test_any_text_is_a_version_or_an_invalid_request(text: str) -> None:
    try:
        version = parse_version(text)
    except InvalidRequest:
        return
    assert min(version.numbers) >= 0
    assert not any(version.numbers[version.precision :])


@pytest.mark.parametrize(
    ("found", "expected", "order"),
    [
        ("-gke.1318001", "-gke.1318000", 1),
        ("-gke.1318000", "-gke.1318000", 0),
        ("-gke.1317999", "-gke.1318000", -1),
        ("-gke.999", "-gke.1318000", -1),
        ("-1041-nvidia", "-1041", 0),
        ("-1029-nvidia", "-1041", -1),
        ("-1041-nvidia", "-1041-nvidia", 0),
        ("-1041-aws", "-1041-nvidia", None),
        ("-1042-aws", "-1041-nvidia", 1),
        ("-1041", "-1041-nvidia", None),
        ("-104", "-1041", -1),
        ("+k3s2", "+k3s1", 1),
        ("+rke2r3", "+rke2r10", -1),
        ("-553.el8.x86_64", "-427.el8", 1),
        ("", "-gke.1", None),
        ("", "-rc.1", 1),
        ("", "-rclone.1", None),
        ("-rc.2", "-rc.1", 1),
        ("-beta.2", "-rc.1", None),
        ("-eks-3025e55", "-eks-3025e55", 0),
        ("-eks-3025e55", "-eks-4025e55", None),
        ("-eks-3025555", "-eks-4025555", None),
        ("-eks-3025555-2", "-eks-3025555-1", 1),
        ("-g3025e55", "-g4025e55", None),
        ("-gke.1", "-eks-1", None),
        ("-" + "9" * 5000, "-1", None),
        ("-1", "-" + "9" * 5000, None),
    ],
)
def test_builds_are_compared_by_number_where_they_have_an_order(
    found: str, expected: str, order: int | None
) -> None:
    assert compare_builds(found, expected) == order
