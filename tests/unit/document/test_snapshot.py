from __future__ import annotations

import pytest

from kubectl_snapshot.document.snapshot import (
    Measurement,
    Snapshot,
    Subtype,
    gaps,
    gpu_count,
    in_order,
    merge_measurements,
    new_snapshot,
    parse_type,
    validate_measurement,
)
from kubectl_snapshot.errors import InvalidRequest


def test_a_new_snapshot_is_of_our_kind_and_version() -> None:
    assert new_snapshot() == Snapshot({}, (), "Snapshot", "aicr.nvidia.com/v1alpha1")


def test_gaps_are_named_in_document_order_and_absence_is_none() -> None:
    statuses = ("ok", "partial", "absent", "unavailable", "forbidden", "timeout", "error")
    subtypes = tuple(Subtype(status, {}, {"status": status}) for status in statuses)
    assert gaps(Snapshot({}, (Measurement("OS", (Subtype("a", {"b": 1}), *subtypes)),))) == (
        "OS.partial=partial",
        "OS.unavailable=unavailable",
        "OS.forbidden=forbidden",
        "OS.timeout=timeout",
        "OS.error=error",
    )


def test_measurements_have_a_fixed_order_with_unknown_types_last() -> None:
    names = ["Memory", "NodeTopology", "SystemD", "OS", "GPU", "K8s"]
    ordered = in_order(tuple(Measurement(name) for name in names))
    assert [m.type for m in ordered] == ["K8s", "GPU", "OS", "SystemD", "NodeTopology", "Memory"]


@pytest.mark.parametrize("name", ["K8s", "GPU", "OS", "SystemD", "NodeTopology"])
def test_a_type_is_known_by_its_exact_spelling(name: str) -> None:
    assert parse_type(name) == name
    assert parse_type(name.swapcase()) is None


@pytest.mark.parametrize(
    "measurement",
    [
        Measurement("", (Subtype("a", {"b": 1}),)),
        Measurement("OS"),
        Measurement("OS", (Subtype("a", {"b": 1}), Subtype("c"))),
    ],
)
def test_a_measurement_without_type_subtypes_or_data_is_invalid(measurement: Measurement) -> None:
    with pytest.raises(InvalidRequest):
        validate_measurement(measurement)


def test_a_measurement_with_all_three_is_valid() -> None:
    validate_measurement(Measurement("OS", (Subtype("a", {"b": 1}),)))


def test_merging_joins_subtypes_by_name_and_the_second_ones_values_win() -> None:
    first = Measurement("OS", (Subtype("a", {"x": 1, "y": 1}, {"c": "1"}), Subtype("b", {"z": 1})))
    second = Measurement("OS", (Subtype("c", {"n": 2}), Subtype("a", {"y": 2}, {"d": "2"})))
    assert merge_measurements(first, second) == Measurement(
        "OS",
        (
            Subtype("a", {"x": 1, "y": 2}, {"c": "1", "d": "2"}),
            Subtype("b", {"z": 1}),
            Subtype("c", {"n": 2}),
        ),
    )


def test_measurements_of_two_types_cannot_be_merged() -> None:
    with pytest.raises(InvalidRequest) as caught:
        merge_measurements(Measurement("OS"), Measurement("GPU"))
    assert caught.value.what == "measurements of type OS and GPU cannot be merged"


def test_a_snapshot_is_named_by_its_node_and_time() -> None:
    assert str(Snapshot({"source-node": "a", "timestamp": "t"})) == (
        "snapshot of a at t: 0 readings, 0 gaps"
    )


@pytest.mark.parametrize(
    ("values", "count"), [([], 0), (["8"], 0), ([True], 0), ([2.0], 0), ([0, 8], 8), ([3, "8"], 3)]
)
def test_gpus_are_counted_by_integers_only(values: list[str | int | float], count: int) -> None:
    subtypes = tuple(Subtype(str(n), {"gpu-count": value}) for n, value in enumerate(values))
    assert gpu_count(Snapshot({}, (Measurement("GPU", subtypes),))) == count
    assert gpu_count(Snapshot({}, (Measurement("OS", subtypes),))) == 0
