from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.codec.yaml.codec import parse_yaml, render_tree, render_yaml
from kubectl_snapshot.document.codec.yaml.lines import MAX_LINES, MAX_MAPS, LineReader
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Snapshot, Subtype
from kubectl_snapshot.errors import SnapshotError
from tests.unit.document.strategies import DOCUMENT_PROPERTY, PROPERTY, SNAPSHOTS, typed

EXAMPLES = sorted(Path("docs/examples/snapshots").glob("*.yaml"))
TEXT = """\
kind: Snapshot
apiVersion: aicr.nvidia.com/v1alpha1
metadata:
  a: b
  source-node: gpu-17
fingerprint:
  accelerator:
    match: h100
    count: 8
  "service":
    value: eks
measurements:
  - type: SystemD
  - type: K8s
    subtypes:
      - subtype: server
        data:
          goVersion: go1.24.9
          "n": 'it''s'
          version: "1.34"
        context:
          elapsed-ms: "5"
      - subtype: image
        data: {}
      - subtype: list
        context:
          elapsed-ms: "5"
        items:
          - context:
              key: a
            data:
              count: 2
          - data:
              count: 3
          - context:
              key: c
  - type: OS
    subtypes:
      - subtype: grub
        data:
          k: 0x10
          z: "a\\"b\\n\\x85\\u2028"
"""
# What is most likely to mean something else where it stands.
TOKENS = (
    *('"', "'", ": ", ":", "#", " #", "- ", "? ", "|", ">", "&a ", "*a", "!t ", "{", "}", "[", "]"),
    *(
        ",",
        "\n",
        "\n          ",
        "\n  ",
        "\\",
        "null",
        "~",
        "",
        "true",
        "1_0",
        "0o7",
        "1e6",
        ".inf",
    ),
    *("2025-01-01", "<<", "<<: ", "---", "...", "%", " ", "  ", "\t", "\x85", "\u2028", "\r"),
    *("\ufeff", "=", "y", "@", "`", "0x", "\\x41", "\\u0041", "\\e", "a: b", "\n          a: b"),
    *("key", "data:", "\n        data:", "\n        context:", "\ud800", "\\ud800", "é", "-", "::"),
)


def dump(snapshot: Snapshot) -> object:
    """Return all of a document, with the types of its readings and the order of its keys."""
    subtypes = [
        (m.type, s.name, list_data(s.data), [*s.context.items()], list_items(s))
        for m in snapshot.measurements
        for s in m.subtypes
    ]
    head = snapshot.kind, snapshot.api_version, [*snapshot.metadata.items()], snapshot.not_read
    fingerprint = [(s.name, list_data(s.data)) for s in snapshot.fingerprint]
    return head, fingerprint, [m.type for m in snapshot.measurements], subtypes


def list_items(subtype: Subtype) -> list[object]:
    return [([*item.context.items()], list_data(item.data)) for item in subtype.items]


def list_data(data: Mapping[str, Scalar]) -> list[tuple[str, type, str]]:
    return [(key, type(value), repr(value)) for key, value in data.items()]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_document_of_ours_is_read_as_pyyaml_reads_it(path: Path) -> None:
    text = path.read_text()
    found = LineReader().parse(text)
    assert found is not None
    assert dump(found) == dump(parse_yaml(text))


@DOCUMENT_PROPERTY
@given(st.lists(SNAPSHOTS, min_size=1, max_size=3))
def test_what_is_read_at_all_is_read_as_pyyaml_reads_it(snapshots: list[Snapshot]) -> None:
    reader = LineReader()
    for snapshot in snapshots:
        text = render_yaml(snapshot)
        found = reader.parse(text)
        if found is not None:
            assert dump(found) == dump(parse_yaml(text))
            assert typed(found) == typed(parse_yaml(text))


SHARED = LineReader()
EDIT = st.tuples(st.integers(0, len(TEXT)), st.integers(0, 5), st.sampled_from(TOKENS))


@PROPERTY
@given(st.lists(EDIT, min_size=1, max_size=3))
def test_an_edited_document_is_read_as_pyyaml_reads_it_or_left_to_it(
    edits: list[tuple[int, int, str]],
) -> None:
    text = TEXT
    for start, length, token in edits:
        text = text[:start] + token + text[start + length :]
    found = SHARED.parse(text)
    if found is None:
        return
    try:
        expected = dump(parse_yaml(text))
    except SnapshotError as error:
        raise AssertionError(f"read, though it is invalid: {text!r}") from error
    assert dump(found) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("go1.24.9", "|"),
        ("go1.24.9", "&a go"),
        ("go1.24.9", "go # comment"),
        ("go1.24.9", "go:"),
        ("go1.24.9", '"go'),
        ("go1.24.9", '"go\\e"'),
        ("go1.24.9", '"\\ud800"'),
        ("go1.24.9", "go\t"),
        ("go1.24.9", "go\x85x"),
        ("go1.24.9", ""),
        ("goVersion: go1.24.9", "goVersion:"),
        ("goVersion: go1.24.9", 'version: "1"'),
        ("goVersion: go1.24.9", "'version': 1"),
        ("goVersion: go1.24.9", "<<: a"),
        ("goVersion: go1.24.9", "? a"),
        ("goVersion: go1.24.9", "- a: b"),
        ("goVersion: go1.24.9", "a:b"),
        ("goVersion", "k" * 1001),
        ("          goVersion", "           goVersion"),
        ("          goVersion", "         goVersion"),
        ("          goVersion", "\n          goVersion"),
        ("          goVersion", "          # goVersion"),
        ("        data: {}", "        data: {a: b}"),
        ('elapsed-ms: "5"', "elapsed-ms: ~"),
        ("  a: b", "  source: b"),
        ("fingerprint:\n  accelerator:\n", "fingerprint:\n  accelerator: {}\n"),
        ('  "service":', "  accelerator:"),
        ('  "service":', "  service"),
        ("    value: eks\n", ""),
        ("    match: h100", "      match: h100"),
        ("fingerprint:\n", "finger:\n"),
        ("  - type: SystemD\n", "  - type: SystemD\n    other: 1\n"),
        ("  - type: SystemD\n", '  - type: ""\n'),
        ("          - context:\n              key: c\n", "          - {}\n"),
        (
            "          - context:\n              key: c\n",
            "          - items:\n              c: d\n",
        ),
        ("            data:\n              count: 2", "            data: {}"),
        ("              count: 3\n", "              count: 3\n        context:\n          a: b\n"),
        (
            "              count: 3\n",
            "              count: 3\n            context:\n              a: b\n",
        ),
        ("kind: Snapshot\n", ""),
        ("kind: Snapshot\n", "kind: Snapshot\nother: 1\n"),
        ("kind: Snapshot\n", "%YAML 1.1\n---\nkind: Snapshot\n"),
        ("metadata:\n  a: b\n  source-node: gpu-17\n", ""),
        ("\n  - type: K8s", "\n  - kind: K8s"),
        ("    subtypes:\n      - subtype: server", "    subtypes:\n    - subtype: server"),
        ("  - type: OS", "  -  type: OS"),
        ('2028"\n', '2028"'),
        ('2028"\n', '2028"\n\n'),
        ('2028"\n', '2028"\n...\n'),
    ],
)
def test_a_text_of_another_form_is_left_to_pyyaml(old: str, new: str) -> None:
    text = TEXT.replace(old, new, 1)
    assert text != TEXT
    assert LineReader().parse(TEXT) is not None
    assert LineReader().parse(text) is None


def test_equal_maps_of_two_documents_are_one() -> None:
    reader = LineReader()
    both = [reader.parse(TEXT.replace("gpu-17", name)) for name in ("a", "b")]
    first, second = (s.measurements[1].subtypes[0].data for s in both if s is not None)
    assert first is second


def test_what_it_remembers_is_bounded() -> None:
    reader = LineReader()
    for number in range(MAX_MAPS + 5):
        assert reader.parse(TEXT.replace("0x10", str(number))) is not None
    assert len(reader._maps) <= MAX_MAPS
    lines = "".join(f"          k{number}: {number}\n" for number in range(MAX_LINES + 5))
    found = reader.parse(TEXT.replace("          k: 0x10\n", lines))
    assert found is not None
    assert len(found.measurements[2].subtypes[0].data) == MAX_LINES + 6
    assert len(reader._data) <= MAX_LINES


def test_the_last_list_of_a_manifest_is_read_and_the_rest_left() -> None:
    nodes = [{"name": "a", "seconds": 1.5, "gaps": "x: y"}, {"name": "b", "sha256": "00"}]
    text = render_tree({"kind": "Fleet", "summary": {"failed": 1}, "nodes": nodes})
    found = LineReader().parse_records(text, "nodes")
    assert found == ("kind: Fleet\nsummary:\n  failed: 1\n", nodes)


@pytest.mark.parametrize(
    "text",
    [
        "kind: Fleet\nnodes: []\n",
        "kind: Fleet\nnodes:\n  - name: a\n",
        "kind: Fleet\nnodes:\n  - name: a\n    b: |\n",
        "kind: Fleet\nnodes:\n  - name: a\n    name: b\n",
        "kind: Fleet\nnodes:\n  - name: a\n    b: c\nmore: 1\n",
        "kind: Fleet\nnodes:\n - name: a\n   b: c\n",
        "kind: Fleet\nnodes:\n  - name: a\n    b: c\td\n",
        "kind: Fleet\nnodes:\n  - name: a\n    b: ~\n",
    ],
)
def test_a_manifest_of_another_form_is_left_to_pyyaml(text: str) -> None:
    assert LineReader().parse_records(text, "nodes") is None


def test_a_document_without_data_or_context_is_read() -> None:
    snapshot = Snapshot({"a": "b"}, (Measurement("OS", (Subtype("x", {}, {"status": "error"}),)),))
    assert LineReader().parse(render_yaml(snapshot)) == snapshot
