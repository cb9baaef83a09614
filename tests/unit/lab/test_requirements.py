"""What the lab asks of the machine before it starts another cluster."""

from __future__ import annotations

import ctypes
import os

import pytest

from tests.lab.requirements import (
    INOTIFY_LIMIT,
    count_inotify_instances,
    describe_inotify_shortage,
)


@pytest.mark.parametrize(("limit", "used", "nodes"), [(128, 0, 2), (128, 70, 2), (35, 0, 2)])
def test_a_cluster_that_has_room_misses_nothing(limit: int, used: int, nodes: int) -> None:
    assert describe_inotify_shortage(limit, used, nodes) == ""


@pytest.mark.parametrize(
    ("limit", "used", "nodes", "wanted"), [(128, 105, 2, 140), (34, 0, 2, 35), (128, 0, 9, 140)]
)
def test_a_cluster_too_many_is_reported_what_to_set(
    limit: int, used: int, nodes: int, wanted: int
) -> None:
    reported = describe_inotify_shortage(limit, used, nodes)
    assert reported.startswith(
        f"{INOTIFY_LIMIT} >= {wanted} (it is {limit}, and {used} are in use)"
    )
    assert reported.endswith(f"`sysctl -w {INOTIFY_LIMIT}=512`")


def test_an_instance_more_is_counted() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    before = count_inotify_instances("self")
    descriptor = libc.inotify_init1(0)
    assert descriptor >= 0, os.strerror(ctypes.get_errno())
    try:
        assert count_inotify_instances("self") == before + 1
        assert count_inotify_instances() >= before + 1
    finally:
        os.close(descriptor)
