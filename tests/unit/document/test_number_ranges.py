from __future__ import annotations

import pytest

from kubectl_snapshot.document.number_ranges import collapse_numbers, render_range


@pytest.mark.parametrize(
    ("names", "collapsed"),
    [
        ([], []),
        (["smi"], ["smi"]),
        (["gpu-0"], ["gpu-0"]),
        (["gpu-0", "gpu-1"], ["gpu-[0-1]"]),
        (["gpu-10", "gpu-9", "smi", "gpu-3"], ["gpu-[3,9-10]", "smi"]),
        (["gpu-0", "gpu-0-state", "gpu-1-state"], ["gpu-0", "gpu-[0-1]-state"]),
        (["a-1.b-2", "a-1.b-3", "a-2.b-2"], ["a-[1-2].b-2", "a-1.b-3"]),
        (["a", "a"], ["a"]),
        ([f"x{'9' * 5000}"], [f"x{'9' * 5000}"]),
    ],
)
def test_names_that_differ_in_a_number_are_one(names: list[str], collapsed: list[str]) -> None:
    assert collapse_numbers(names) == collapsed


def test_a_range_names_each_number_once() -> None:
    assert render_range(["3", "1", "2", "7", "3"]) == "[1-3,7]"
    assert render_range(["7"]) == "7"
