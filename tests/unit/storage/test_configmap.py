from __future__ import annotations

import pytest

from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.storage.configmap import (
    MAX_DATA_BYTES,
    ConfigMapName,
    build_configmap,
    build_data,
    build_label_value,
    find_foreign_key,
    parse_configmap,
    parse_configmap_uri,
    parse_place,
)

PLACE = ConfigMapName("ops", "gpu-17")
TIME = "2026-11-23T07:50:28Z"


def test_a_document_has_the_keys_and_labels_of_the_reference() -> None:
    body = build_configmap(PLACE, build_data("kind: Snapshot\n", "yaml", TIME), "v0.1.0")
    assert body["data"] == {
        "snapshot.yaml": "kind: Snapshot\n",
        "format": "yaml",
        "timestamp": TIME,
    }
    assert body["metadata"] == {
        "name": "gpu-17",
        "namespace": "ops",
        "labels": {
            "app.kubernetes.io/name": "aicr",
            "app.kubernetes.io/component": "Snapshot",
            "app.kubernetes.io/version": "v0.1.0",
        },
    }


def test_what_was_written_is_read_back() -> None:
    for format_name in ("yaml", "json"):
        body = build_configmap(PLACE, build_data("text", format_name, TIME), "")
        assert parse_configmap(body, "cm://ops/gpu-17") == "text"


@pytest.mark.parametrize(
    ("version", "label"),
    [
        ("", "unknown"),
        ("v0.9.0", "v0.9.0"),
        ("1.0+dirty", "1.0-dirty"),
        ("-", "unknown"),
        ("x" * 62 + "+yz", "x" * 62),
    ],
)
def test_a_version_becomes_a_valid_label_value(version: str, label: str) -> None:
    assert build_label_value(version) == label


def test_a_snapshot_that_is_too_large_is_refused_with_its_size() -> None:
    room = MAX_DATA_BYTES - len("yaml") - len(TIME)
    assert build_data("x" * room, "yaml", TIME)
    with pytest.raises(InvalidRequest, match=f": {MAX_DATA_BYTES + 1} bytes"):
        build_data("x" * (room - 1) + "é", "yaml", TIME)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"format": "json", "snapshot.json": "j", "snapshot.yaml": "y"}, "j"),
        ({"snapshot.json": "j", "snapshot.yaml": "y"}, "y"),
        ({"format": "yaml", "snapshot.json": "j"}, "j"),
        ({"format": "odd", "snapshot.yaml": "y"}, "y"),
        ({"format": "table", "snapshot.yaml": "y"}, "y"),
    ],
)
def test_the_stated_format_is_read_first(data: dict[str, str], text: str) -> None:
    assert parse_configmap({"data": data}, "cm://a/b") == text


def test_a_table_cannot_be_read_back() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_configmap({"data": {"format": "table", "snapshot.txt": "FIELD"}}, "cm://a/b")
    assert caught.value.why == "it has a table, which cannot be read back"


@pytest.mark.parametrize("data", [None, {}, {"Corefile": "x"}])
def test_a_configmap_without_a_document_is_not_found(data: dict[str, str] | None) -> None:
    with pytest.raises(NotFound, match="no snapshot in cm://a/b"):
        parse_configmap({"data": data}, "cm://a/b")


def test_a_key_that_no_document_has_is_foreign() -> None:
    assert find_foreign_key({"data": {"snapshot.txt": "", "format": "", "timestamp": ""}}) == ""
    assert find_foreign_key({"data": {"format": ""}, "binaryData": {"a.bin": ""}}) == "a.bin"
    assert find_foreign_key({}) == ""


@pytest.mark.parametrize(
    "place", ["a.b/c", "a/B", "a/../x", "a/x/y", "a/b?", "a/b_c", f"a/{'x' * 254}", "a", "/a"]
)
def test_an_invalid_name_of_a_configmap_is_refused(place: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_place(f"cm://{place}")


def test_valid_names_of_kubernetes_are_accepted() -> None:
    assert parse_place("cm://a-1/x.y-z.0") == ("a-1", "x.y-z.0")
    assert parse_place(f"cm://{'a' * 63}/{'x' * 253}") == ("a" * 63, "x" * 253)


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        ("cm://ns/name", "ns", "name"),
        ("cm://ns/a/b", "ns", "a/b"),
        ("cm:// ns / n ", "ns", "n"),
    ],
)
def test_a_configmap_uri_has_a_namespace_and_a_name(uri: str, namespace: str, name: str) -> None:
    assert parse_configmap_uri(uri) == (namespace, name)


@pytest.mark.parametrize(
    "uri",
    [
        *("cm://ns", "cm://", "cm:///n", "cm://ns/", "cm:// /n", "cm://ns/ ", "CM://ns/n"),
        *(" cm://ns/n", "ns/n", "", "cm:/ns/n", "configmap://ns/n"),
    ],
)
def test_anything_else_is_no_configmap_uri(uri: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_configmap_uri(uri)
