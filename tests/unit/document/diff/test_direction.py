from __future__ import annotations

import pytest

from kubectl_snapshot.document.diff.direction import describe_direction, natural_key
from kubectl_snapshot.document.snapshot import Scalar


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
