from __future__ import annotations

import contextlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.constants import API_VERSIONS
from kubectl_snapshot.document.codec.json_codec import canonical_json, render_json
from kubectl_snapshot.document.codec.parse import parse_document, parse_node_document
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.schema import build_checks
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.strategies import PROPERTY

CHECKS = build_checks(REGISTRY)
SNAPSHOT = Snapshot(
    {"source-node": "n", "timestamp": "2026-03-09T18:42:07Z"},
    (Measurement("OS", (Subtype("kmod", {"nvidia": True}),)),),
)


@pytest.mark.parametrize("text", [render_json(SNAPSHOT), render_yaml(SNAPSHOT)])
@pytest.mark.parametrize("before", ["", "\n  \n", "\ufeff"])
def test_the_content_tells_the_syntax(text: str, before: str) -> None:
    assert parse_document(before + text) == SNAPSHOT
    assert parse_document((before + text).encode()) == SNAPSHOT


def test_a_document_that_this_program_wrote_is_read_without_pyyaml(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert parse_document(render_yaml(SNAPSHOT)) == SNAPSHOT
    with pytest.raises(ImportError):
        parse_document(f"# of another form\n{render_yaml(SNAPSHOT)}")


def test_an_error_says_which_document_could_not_be_read() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_document('{"kind": 1}', "a.json")
    assert str(caught.value) == "[INVALID_REQUEST] cannot read a.json: kind is not text"
    with pytest.raises(InvalidRequest) as caught:
        parse_document("a: b: c", "a.yaml")
    assert caught.value.what == "cannot read a.yaml"
    assert caught.value.why.startswith("the document is not valid YAML: ")


@pytest.mark.parametrize("content", [b"\xff\xfe{\x00", b"kind: \xc3\x28"])
def test_what_is_not_utf_8_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest, match="is not UTF-8"):
        parse_document(content)


@PROPERTY
@given(st.binary() | st.text() | st.text("{}[]:,&*-'\"\n #!|>?0a"))
def test_any_content_is_a_document_or_an_invalid_request(content: bytes | str) -> None:
    with contextlib.suppress(InvalidRequest):
        assert isinstance(parse_document(content), Snapshot)


def test_a_nodes_document_is_read() -> None:
    assert parse_node_document(canonical_json(SNAPSHOT), CHECKS) == SNAPSHOT


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        render_yaml(SNAPSHOT).encode(),
        canonical_json(SNAPSHOT).replace(b"true", b'"yes"'),
        canonical_json(SNAPSHOT).replace(b"Snapshot", b"Recipe"),
    ],
)
def test_a_nodes_document_that_breaks_the_rules_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_node_document(payload, CHECKS)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: Recipe\nmeasurements: [{type: OS}]", "the document's kind is Recipe, not Snapshot"),
        ("kind: snapshot", "the document's kind is snapshot, not Snapshot"),
        ("a: b", "the document is no snapshot: it has no measurements"),
        (
            "kind: Snapshot\nmeasurements: [{}]",
            "the document is no snapshot: it has no measurements",
        ),
        (
            "apiVersion: aicr.run/v2\nmeasurements: [{type: OS}]",
            "unknown apiVersion aicr.run/v2: this program reads aicr.nvidia.com/v1alpha1, "
            "aicr.run/v1alpha2, aicr.run/v1",
        ),
    ],
)
def test_another_document_is_no_snapshot(text: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_document(text, "a.yaml")
    assert (caught.value.what, caught.value.why) == ("cannot read a.yaml", why)


@pytest.mark.parametrize("version", API_VERSIONS)
def test_a_snapshot_may_lack_its_kind_or_its_version(version: str) -> None:
    assert parse_document("measurements: [{}, {type: OS}]").measurements
    document = parse_document(f"apiVersion: {version}\nmeasurements: [{{type: OS}}]")
    assert document.api_version == version
