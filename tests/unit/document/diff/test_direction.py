from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.diff.direction import (
    MAX_DIGITS,
    describe_direction,
    natural_key,
    sort_naturally,
)
from kubectl_snapshot.document.snapshot import Scalar
from tests.unit.document.strategies import PROPERTY


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        (4, 8, "+4"),
        ("60", "10", "-50"),
        (1.5, 2.0, "+0.5"),
        (0, 2**64 - 1, "+18446744073709551615"),
        ("0", "1650000001000", ""),
        ("007", "8", ""),
        (True, False, ""),
        (float("inf"), 1.0, ""),
        ("on", "off", ""),
        ("", "1", ""),
    ],
)
def test_numbers_move_by_their_difference(before: Scalar, after: Scalar, moved: str) -> None:
    assert describe_direction(before, after) == moved


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("570.86", "570.158", "newer"),
        ("570.158", "570.86", "older"),
        ("570.86", "570.86.10", "newer"),
        ("v1.34.2-eks-3025e55", "v1.34.4-eks-1111111", "newer"),
        ("v1.34.2-eks-3025e55", "v1.34.2-eks-4025e55", ""),
        ("6.1.0-13-amd64", "6.1.0-21-amd64", "newer"),
        ("5.14.0-427.13.1.el9_4.x86_64", "5.14.0-427.9.1.el9_4.x86_64", "older"),
        ("1.2.3-4a", "1.2.3-5a", ""),
        ("1.32", "1.32.0", ""),
        ("10.0.0.1", "10.0.0.2", ""),
        ("a.b", "1.2", ""),
        ("1.2.3-4+a", "1.2.3-4+b", ""),
    ],
)
def test_versions_are_newer_or_older_only_where_that_is_sure(
    before: str, after: str, moved: str
) -> None:
    assert describe_direction(before, after) == moved


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("linux|a,b", "linux|a,b,c,d", "2 nodes more"),
        ("linux|a,b", "linux|b,c", "1 node more, 1 node less"),
        ("NoSchedule|x|a,b", "NoSchedule|x|a", "1 node less"),
        ("linux|a", "windows|a,b", ""),
        ("linux|a (+3 more)", "linux|a (+4 more)", ""),
    ],
)
def test_lists_of_nodes_move_by_nodes(before: str, after: str, moved: str) -> None:
    assert describe_direction(before, after, is_node_list=True) == moved


def test_names_are_sorted_as_people_count() -> None:
    names = ["gpu-10", "nvlink.2.active", "gpu-2", "nvlink.10.active", "gpu"]
    expected = ["gpu", "gpu-2", "gpu-10", "nvlink.2.active", "nvlink.10.active"]
    assert sorted(names, key=natural_key) == expected


@PROPERTY
@given(st.lists(st.text("ab.-0129 \0\n", max_size=8) | st.text(max_size=4)))
def test_many_texts_are_sorted_as_one_by_one(texts: list[str]) -> None:
    assert sort_naturally(texts) == sorted(texts, key=natural_key)


@pytest.mark.parametrize("length", [9, 10, 11, MAX_DIGITS, MAX_DIGITS + 1])
def test_long_numbers_are_sorted_by_their_length(length: int) -> None:
    assert sort_naturally(["a" + "1" * length, "a" + "9" * (length - 1), "a0" + "1" * length]) == [
        "a" + "9" * (length - 1),
        "a" + "1" * length,
        "a0" + "1" * length,
    ]


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [("v1.2", "v1.3", "newer"), ("+1.2", "1.1", "older"), ("x1.2", "1.3", ""), ("", "1.3", "")],
)
def test_a_version_may_begin_with_a_letter_or_sign(before: str, after: str, moved: str) -> None:
    assert describe_direction(before, after) == moved
