from __future__ import annotations

import pytest

from kubectl_snapshot.constants import MAX_DOCUMENT_BYTES
from kubectl_snapshot.document.codec.build import build_tree
from kubectl_snapshot.document.codec.tree import (
    document_warnings,
    parse_subtype,
    parse_tree,
    refuse_size,
    without_surrogates_in,
)
from kubectl_snapshot.document.snapshot import Item, Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest


def test_unknown_fields_are_left_out_and_named_at_every_level() -> None:
    tree = {
        "kind": "Snapshot",
        "apiVersion": "aicr.run/v1",
        "spec": {"a": [1]},
        "measurements": [
            {
                "type": "OS",
                "uid": 1,
                "subtypes": [
                    {"subtype": "kmod", "data": {"nvidia": True}, "extra": 0, "null": None},
                    {"subtype": "pfs", "items": [{"data": {"a": 1}, "more": {}}, {"more": 1}]},
                ],
            }
        ],
    }
    items = (Item({}, {"a": 1}), Item())
    subtypes = (Subtype("kmod", {"nvidia": True}), Subtype("pfs", items=items))
    snapshot = parse_tree(tree)
    assert snapshot == Snapshot(
        {},
        (Measurement("OS", subtypes),),
        api_version="aicr.run/v1",
        not_read=(
            "field spec of the document",
            "field uid of OS",
            "field extra of OS.kmod",
            "field more of the items of OS.pfs",
        ),
    )
    assert document_warnings(snapshot)[0] == "not read: field spec of the document"


def test_readings_are_not_copied_where_they_stay_as_they_are() -> None:
    same = {"a": 1, "b": "x", "c": 1.5, "d": True}
    assert parse_subtype({"data": same}).data is same
    for data, expected in (({1: "x"}, {"1": "x"}), ({"a": 2**64}, {"a": str(2**64)})):
        assert parse_subtype({"data": data}).data == expected


def test_half_a_surrogate_pair_is_replaced_at_every_place() -> None:
    tree = {"k\ud83d": ["\ud83d", {"a": ["\ud83d"]}]}
    assert without_surrogates_in(tree, "\ud83d") == {"k\ufffd": ["\ufffd", {"a": ["\ufffd"]}]}


def test_unknown_metadata_is_kept() -> None:
    assert parse_tree({"metadata": {"run-id": "a"}}).metadata == {"run-id": "a"}


def test_source_is_read_as_source_node() -> None:
    assert parse_tree({"metadata": {"source": "n"}}).metadata == {"source-node": "n"}


def test_source_beside_source_node_is_an_unknown_key() -> None:
    metadata = {"source": "a", "source-node": "b"}
    assert parse_tree({"metadata": metadata}).metadata == metadata


def test_null_stands_for_nothing_given() -> None:
    nothing = {"kind": None, "apiVersion": None, "metadata": None, "measurements": None}
    assert parse_tree(nothing) == Snapshot(kind="", api_version="")
    tree = {"measurements": [None, {"type": "OS", "subtypes": [None, {"data": None}]}]}
    assert parse_tree(tree).measurements == (
        Measurement(""),
        Measurement("OS", (Subtype(""), Subtype(""))),
    )


def test_of_a_type_that_occurs_twice_both_are_kept() -> None:
    tree = {"measurements": [{"type": "OS"}, {"type": "OS"}]}
    assert parse_tree(tree).measurements == (Measurement("OS"), Measurement("OS"))


@pytest.mark.parametrize(
    ("tree", "what"),
    [
        (None, "the document is empty"),
        ([], "the document is not a map of keys to values"),
        ("FIELD  VALUE", "the document is not a map of keys to values"),
        ({"kind": 1}, "kind is not text"),
        ({"metadata": []}, "metadata is not a map of keys to values"),
        ({"metadata": {"a": 1.5}}, "metadata.a is not text"),
        ({"measurements": {}}, "measurements is not a list"),
        ({"measurements": ["OS"]}, "measurements[0] is not a map of keys to values"),
        ({"measurements": [{}, {"type": True}]}, "measurements[1].type is not text"),
        ({"measurements": [{"subtypes": {}}]}, "measurements[0].subtypes is not a list"),
        (
            {"measurements": [{"subtypes": [{"data": [1]}]}]},
            "measurements[0].subtypes[0].data is not a map of keys to values",
        ),
        (
            {"measurements": [{"subtypes": [{"context": {"a": ["b"]}}]}]},
            "measurements[0].subtypes[0].context.a is not text",
        ),
    ],
)
def test_a_wrong_place_is_named(tree: object, what: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_tree(tree)
    assert caught.value.what == what


def test_keys_are_in_code_point_order() -> None:
    tree = build_tree(
        Snapshot(
            dict.fromkeys(["b", "a", "B"], ""),
            (
                Measurement(
                    "X", (Subtype("", {"k10": 1, "k2": 2, "é": 3, "~": 4}, {"z": "", "y": ""}),)
                ),
            ),
        )
    )
    assert list(tree) == ["kind", "apiVersion", "metadata", "measurements"]
    assert list(tree["metadata"]) == ["B", "a", "b"]  # type: ignore[call-overload]
    [measurement] = tree["measurements"]  # type: ignore[misc]
    [subtype] = measurement["subtypes"]
    assert list(subtype["data"]) == ["k10", "k2", "~", "é"]
    assert list(subtype["context"]) == ["y", "z"]


@pytest.mark.parametrize(
    ("kind", "api_version", "warnings"),
    [
        ("Snapshot", "aicr.nvidia.com/v1alpha1", ()),
        ("Snapshot", "aicr.run/v1", ()),
        (
            "",
            "",
            (
                "the document's kind is not given, not Snapshot",
                "the document's apiVersion is not given, not aicr.nvidia.com/v1alpha1",
            ),
        ),
    ],
)
def test_no_kind_or_version_is_read_with_a_warning(
    kind: str, api_version: str, warnings: tuple[str, ...]
) -> None:
    snapshot = parse_tree({"kind": kind, "apiVersion": api_version})
    assert document_warnings(snapshot) == warnings


def test_a_document_of_the_largest_size_is_read() -> None:
    refuse_size(MAX_DOCUMENT_BYTES)
    with pytest.raises(InvalidRequest, match="over 256 MiB"):
        refuse_size(MAX_DOCUMENT_BYTES + 1)


def test_a_document_that_is_too_large_says_how_large_it_is() -> None:
    refuse_size(MAX_DOCUMENT_BYTES)
    with pytest.raises(InvalidRequest) as caught:
        refuse_size(MAX_DOCUMENT_BYTES + 1)
    assert caught.value.why == f"it has {MAX_DOCUMENT_BYTES + 1} bytes"
