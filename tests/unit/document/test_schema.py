from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.codec.json_codec import canonical_json, load_json
from kubectl_snapshot.document.schema import build_checks, build_schema, validate
from kubectl_snapshot.document.snapshot import (
    GAP_STATUSES,
    OK,
    STATUSES,
    TYPES,
    Measurement,
    Snapshot,
    Subtype,
)
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.strategies import DOCUMENT_PROPERTY, PROPERTY, READINGS, TEXTS

SCHEMA, CHECKS = build_schema(REGISTRY), build_checks(REGISTRY)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

METADATA = {"source-node": "node1", "timestamp": "2026-03-09T18:42:07Z", "version": "1.0"}
DOCUMENT: dict[str, Any] = {
    "kind": "Snapshot",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "metadata": METADATA,
    "measurements": [
        {
            "type": "K8s",
            "subtypes": [
                {"subtype": "server", "data": {"version": "v1.34.2"}},
                {
                    "subtype": "node",
                    "data": {},
                    "context": {"status": "forbidden", "reason": "no", "elapsed-ms": "12"},
                },
            ],
        },
        {
            "type": "GPU",
            "subtypes": [
                {"subtype": "smi", "data": {"gpu-count": 8, "gpu.model": "NVIDIA H100"}},
                {"subtype": "gpu-0", "data": {"power.limit-mw": 700000, "ecc.current": True}},
            ],
        },
        {
            "type": "OS",
            "subtypes": [
                {"subtype": "kmod", "data": {"nvidia": True}},
                {"subtype": "release", "data": {"VERSION_ID": "24.04"}},
            ],
        },
        {
            "type": "SystemD",
            "subtypes": [
                {
                    "subtype": "containerd.service",
                    "data": {"CPUAccounting": True, "LimitNOFILE": 2**64 - 1, "MainPID": "2217"},
                }
            ],
        },
        {"type": "NodeTopology", "subtypes": [{"subtype": "summary", "data": {"node-count": 2}}]},
    ],
}


def complaint(document: object) -> str:
    try:
        validate(document, CHECKS)
    except InvalidRequest as error:
        return error.why
    return ""


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the document with another value at a path such as `measurements/0/type`."""
    document = copy.deepcopy(DOCUMENT)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    place: Any = document
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


def test_the_schema_is_a_schema_of_its_dialect() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_a_document_of_the_contract_is_valid() -> None:
    assert complaint(DOCUMENT) == ""
    VALIDATOR.validate(DOCUMENT)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("kind", "Recipe", "the document.kind is not Snapshot"),
        ("kind", None, "the document has no kind"),
        ("apiVersion", "v1", "the document.apiVersion is not one of aicr.nvidia.com/v1alpha1, "),
        ("metadata", None, "the document has no metadata"),
        ("measurements", None, "the document has no measurements"),
        ("measurements", {}, "the document.measurements is not of type array"),
        ("metadata/source-node", None, "the document.metadata has no source-node"),
        ("metadata/version", 1.0, "the document.metadata.version is not of type string"),
        ("metadata/timestamp", "yesterday", "the document.metadata.timestamp does not match"),
        ("metadata/timestamp", 5, "the document.metadata.timestamp is not of type string"),
        ("measurements/0", "K8s", "the document.measurements[0] is not of type object"),
        ("measurements/0/type", None, "the document.measurements[0] has no type"),
        ("measurements/0/type", "", "the document.measurements[0].type is empty"),
        ("measurements/0/subtypes/0/data", None, "measurements[0].subtypes[0] has no data"),
        ("measurements/0/subtypes/0", "server", "subtypes[0] is not of type object"),
        ("measurements/0/subtypes/0/data", "x", "data is not of type object"),
        ("measurements/0/subtypes/1/context", "x", "context is not of type object"),
        ("measurements/0/subtypes", "x", "subtypes is not of type array"),
        ("measurements/0/subtypes/0/subtype", "", "subtypes[0].subtype is empty"),
        ("measurements/0/subtypes/0/data/version", 1.34, "data.version is not of type string"),
        ("measurements/0/subtypes/1/context/status", "ok", "context.status is not one of partial"),
        ("measurements/0/subtypes/1/context/status", "broken", "context.status is not one of"),
        ("measurements/0/subtypes/1/context/reason", None, "context has a status and no reason"),
        ("measurements/0/subtypes/1/context/elapsed-ms", "1.5", "elapsed-ms does not match"),
        ("measurements/0/subtypes/1/context/elapsed-ms", 15, "elapsed-ms is not of type string"),
        ("measurements/0/subtypes/1/context/other", True, "context.other is not of type string"),
        ("measurements/1/subtypes/0/data/gpu-count", "8", "gpu-count is not of type integer"),
        ("measurements/1/subtypes/0/data/gpu-count", True, "gpu-count is not of type integer"),
        ("measurements/1/subtypes/0/data/driver", 580, "data.driver is not of type string"),
        ("measurements/1/subtypes/1/data/uuids", ["a"], "data.uuids is not of type"),
        ("measurements/2/subtypes/0/data/nvidia", "true", "nvidia is not of type boolean"),
        ("measurements/2/subtypes/1/data/VERSION_ID", 24.04, "VERSION_ID is not of type string"),
        ("measurements/4/subtypes/0/data/node-count", "2", "node-count is not of type integer"),
    ],
)
def test_a_document_that_breaks_the_contract_is_refused_by_both(
    path: str, value: object, why: str
) -> None:
    document = changed(path, value)
    assert why in complaint(document)
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec", {"any": [None]}),
        ("metadata/run-id", "abc"),
        ("measurements/0/uid", 1),
        ("measurements/0/subtypes", None),
        ("measurements/0/subtypes/0/extra", [1]),
        ("measurements/0/subtypes/0/subtype", None),
        ("measurements/0/subtypes/0/subtype", "new"),
        ("measurements/0/type", "Memory"),
        (
            "measurements/0",
            {"type": "Memory", "subtypes": [{"subtype": "smi", "data": {"driver": 580}}]},
        ),
        ("measurements/3/subtypes/0/data/LimitNOFILE", 1.5),
    ],
)
def test_what_the_contract_does_not_have_is_allowed(path: str, value: object) -> None:
    document = changed(path, value)
    assert complaint(document) == ""
    assert VALIDATOR.is_valid(document)


def test_every_measurement_of_the_contract_but_the_mixed_one_has_its_types() -> None:
    typed = {spec.type for spec in REGISTRY if any(subtype.values for subtype in spec.subtypes)}
    assert {*typed, "SystemD", "Runtime"} >= set(TYPES)


@pytest.mark.parametrize("status", [status for status in STATUSES if status != OK])
def test_every_gap_has_a_status_of_the_schema(status: str) -> None:
    assert status in (*GAP_STATUSES, "absent")
    assert complaint(changed("measurements/0/subtypes/1/context/status", status)) == ""


@DOCUMENT_PROPERTY
@given(st.dictionaries(TEXTS, READINGS, max_size=5), TEXTS)
def test_any_reading_of_a_subtype_of_its_own_is_valid(data: dict[str, Any], reason: str) -> None:
    subtype = Subtype("new", data, {"status": "partial", "reason": reason})
    snapshot = Snapshot(METADATA, (Measurement("GPU", (subtype,)),))
    assert complaint(load_json(canonical_json(snapshot).decode())) == ""


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
PLACES = (
    "kind metadata metadata/timestamp measurements measurements/0 measurements/1/type "
    "measurements/0/subtypes measurements/0/subtypes/1 measurements/0/subtypes/1/context "
    "measurements/0/subtypes/1/context/status measurements/0/subtypes/0/subtype "
    "measurements/1/subtypes/0/data measurements/1/subtypes/0/data/gpu-count "
    "measurements/2/subtypes/0/data/nvidia measurements/4/subtypes/0/data/node-count"
)


@PROPERTY
@given(st.sampled_from(PLACES.split()), ANYTHING)
def test_the_small_validator_and_jsonschema_agree(path: str, value: object) -> None:
    document = changed(path, value)
    assert (complaint(document) == "") == VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    ("subtype", "error"),
    [
        ({"items": [{"context": {"key": "x"}, "data": {"node-count": 1}}]}, ""),
        ({"items": [], "data": {}}, ""),
        ({"items": [{"context": {"key": 1}}]}, "items[0].context.key is not of type string"),
        ({"items": [{"data": {"key": [1]}}]}, "items[0].data.key is not of type"),
        ({"items": ["x"]}, "items[0] is not of type object"),
        ({"items": "x"}, "items is not of type array"),
        ({}, "has no data"),
    ],
)
def test_a_subtype_has_data_or_records(subtype: dict[str, Any], error: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["measurements"][0]["subtypes"].append({"subtype": "image", **subtype})
    check_both(document, error)


@pytest.mark.parametrize(
    ("fingerprint", "error"),
    [
        ({"service": {"value": "eks", "source": "k8s.node.provider"}}, ""),
        ({"nodeCount": {"value": 3}}, ""),
        ({"service": "eks"}, "fingerprint.service is not of type object"),
        ({"service": {"value": ["eks"]}}, "fingerprint.service.value is not of type"),
        ([], "fingerprint is not of type object"),
    ],
)
def test_a_fingerprint_is_a_map_of_readings(fingerprint: object, error: str) -> None:
    check_both({**copy.deepcopy(DOCUMENT), "fingerprint": fingerprint}, error)


def test_a_value_of_a_wrong_type_is_named_with_its_place() -> None:
    measurement = {"type": "NodeTopology", "subtypes": [{"subtype": "summary", "data": {}}]}
    wrong = copy.deepcopy(measurement)
    wrong["subtypes"][0]["data"] = {"node-count": "2"}  # type: ignore[index]
    document = {**copy.deepcopy(DOCUMENT), "measurements": [measurement, wrong]}
    where = "the document.measurements[1].subtypes[0].data.node-count"
    assert complaint(document) == f"{where} is not of type integer"


def check_both(document: dict[str, Any], error: str) -> None:
    assert VALIDATOR.is_valid(document) == (not error)
    if not error:
        validate(document, CHECKS)
        return
    with pytest.raises(InvalidRequest) as caught:
        validate(document, CHECKS)
    assert error in caught.value.why
