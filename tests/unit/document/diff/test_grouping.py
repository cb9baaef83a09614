from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_snapshot.document.diff.change import ADDED, CHANGED, REMOVED, Change
from kubectl_snapshot.document.diff.grouping import group_numbered, render_ranges

DRIVER = Change("", "gsp-firmware.version", CHANGED, "580.1", "570.1", "older")


def of(*numbers: int, suffix: str = "") -> list[Change]:
    return [replace(DRIVER, subtype=f"GPU.gpu-{n}{suffix}") for n in numbers]


def test_equal_changes_of_gpus_are_one() -> None:
    assert group_numbered(of(0, 1, 2, 10)) == [replace(DRIVER, subtype="GPU.gpu-[0-2,10]")]
    states = of(3, 4, suffix="-state")
    assert group_numbered(states) == [replace(DRIVER, subtype="GPU.gpu-[3-4]-state")]
    renamed = [replace(of(0)[0], after_name="GPU.gpu-1"), *of(1)]
    assert group_numbered(renamed) == [replace(DRIVER, subtype="GPU.gpu-[0-1]")]
    assert group_numbered(renamed[:1]) == renamed[:1]


@pytest.mark.parametrize(
    "other",
    [
        {"key": "x"},
        {"kind": ADDED},
        {"before": "581"},
        {"after": "571"},
        {"note": "newer"},
        {"subtype": "GPU.gpu-1-state"},
        {"subtype": "GPU.card-1"},
        {"subtype": "SystemD.gpu-1.service"},
        {"values": {"a": 1}},
    ],
)
def test_changes_that_are_not_equal_stay_apart(other: dict[str, object]) -> None:
    changes = [*of(0), replace(of(1)[0], **other)]  # type: ignore[arg-type]
    assert group_numbered(changes) == changes


def test_true_is_not_1() -> None:
    one = Change("GPU.gpu-0", "a", CHANGED, True, False)
    changes = [one, Change("GPU.gpu-1", "a", CHANGED, 1, 0)]
    assert group_numbered(changes) == changes


def test_whole_subtypes_stay_apart() -> None:
    changes = [Change(f"GPU.gpu-{n}", "", REMOVED, note="H100") for n in (0, 1)]
    assert group_numbered(changes) == changes


def test_the_changes_of_one_title_stay_together() -> None:
    ecc = [replace(change, key="ecc") for change in of(0, 1)]
    lone = Change("GPU.gpu-0", "lone", ADDED, after=1)
    changes = [of(0)[0], lone, ecc[0], of(1)[0], ecc[1]]
    found = [(change.subtype, change.key) for change in group_numbered(changes)]
    assert found == [
        ("GPU.gpu-[0-1]", "gsp-firmware.version"),
        ("GPU.gpu-[0-1]", "ecc"),
        ("GPU.gpu-0", "lone"),
    ]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [((0, 1, 2), "0-2"), ((7, 0), "0,7"), ((0, 1, 3, 4, 6), "0-1,3-4,6"), ((5,), "5")],
)
def test_numbers_are_ranges(numbers: tuple[int, ...], text: str) -> None:
    assert render_ranges(numbers) == text
