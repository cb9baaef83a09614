from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given

from kubectl_snapshot.document.codec.build import build_tree
from kubectl_snapshot.document.codec.yaml.codec import (
    load_yaml,
    parse_yaml,
    render_manifests,
    render_map,
    render_tree,
    render_yaml,
)
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.strategies import DOCUMENT_PROPERTY, PROPERTY, SNAPSHOTS, TEXTS, typed

EXAMPLE = Snapshot(
    {"version": "v1.0.0", "source-node": "node1", "timestamp": "2026-03-09T18:42:07Z"},
    (
        Measurement(
            "OS",
            (
                Subtype("sysctl", {"/proc/sys/kernel/printk": "4\t4\t1\t7"}),
                Subtype("kmod", {"nvidia": True}),
                Subtype("release", {}, {"status": "absent", "reason": "no such file"}),
            ),
        ),
        Measurement("SystemD"),
        Measurement("GPU", (Subtype("", {"gpu-count": 8, "power": 1.5}),)),
    ),
)
EXAMPLE_YAML = """\
kind: Snapshot
apiVersion: aicr.nvidia.com/v1alpha1
metadata:
  source-node: node1
  timestamp: "2026-03-09T18:42:07Z"
  version: v1.0.0
measurements:
  - type: OS
    subtypes:
      - subtype: sysctl
        data:
          /proc/sys/kernel/printk: "4\\t4\\t1\\t7"
      - subtype: kmod
        data:
          nvidia: true
      - subtype: release
        data: {}
        context:
          reason: no such file
          status: absent
  - type: SystemD
  - type: GPU
    subtypes:
      - data:
          gpu-count: 8
          power: 1.5
"""


def test_a_document_is_written_in_the_order_of_the_contract() -> None:
    assert render_yaml(EXAMPLE) == EXAMPLE_YAML


def test_a_document_without_measurements_says_so() -> None:
    assert render_yaml(Snapshot(kind="", api_version="")) == "measurements: []\n"


@DOCUMENT_PROPERTY
@given(SNAPSHOTS)
def test_every_document_reads_back_equal(snapshot: Snapshot) -> None:
    assert typed(parse_yaml(render_yaml(snapshot))) == typed(snapshot)


@DOCUMENT_PROPERTY
@given(SNAPSHOTS)
def test_a_reader_of_yaml_1_1_sees_the_same_texts(snapshot: Snapshot) -> None:
    seen = yaml.safe_load(render_yaml(snapshot))
    # PyYAML has no exponent without a point: 1e+06 is text to it, and only such a float may differ.
    assert _without_floats(seen, build_tree(snapshot)) == _without_floats(
        build_tree(snapshot), build_tree(snapshot)
    )


def _without_floats(value: object, written: object) -> object:
    if isinstance(value, dict) and isinstance(written, dict):
        return {key: _without_floats(item, written.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(written, list):
        return [_without_floats(*pair) for pair in zip(value, written)]
    return None if isinstance(written, float) else value


@DOCUMENT_PROPERTY
@given(SNAPSHOTS)
def test_equal_documents_are_written_equally(snapshot: Snapshot) -> None:
    assert render_yaml(parse_yaml(render_yaml(snapshot))) == render_yaml(snapshot)


def test_an_infinity_stays_a_number() -> None:
    written = render_yaml(
        Snapshot(measurements=(Measurement("X", (Subtype("x", {"i": math.inf}),)),))
    )
    assert "i: .inf\n" in written
    assert parse_yaml(written).measurements[0].subtypes[0].data == {"i": math.inf}


def test_a_lone_surrogate_becomes_the_replacement_character_both_ways() -> None:
    written = render_yaml(Snapshot({"node": "a\ud800b"}))
    assert "node: a\ufffdb\n" in written
    assert parse_yaml('metadata: {node: "a\\ud800b"}').metadata == {"node": "a\ufffdb"}


def test_a_key_too_long_for_its_line_has_its_own() -> None:
    written = render_yaml(Snapshot({"k" * 1025: "v"}))
    assert f"  ? {'k' * 1025}\n  : v\n" in written
    assert yaml.safe_load(written)["metadata"] == {"k" * 1025: "v"}


def test_texts_keep_their_letters_where_text_is_due() -> None:
    snapshot = parse_yaml(
        "kind: 1.10\napiVersion: 2025-01-15\nmetadata: {1.10: 24.10, true: 0x1F, a: ~, b:}\n"
        "measurements: [{type: 017, subtypes: [{subtype: 1e3, data: {}, context: {08: yes}}]}]"
    )
    assert (snapshot.kind, snapshot.api_version) == ("1.10", "2025-01-15")
    assert snapshot.metadata == {"1.10": "24.10", "true": "0x1F", "a": "", "b": ""}
    assert snapshot.measurements == (Measurement("017", (Subtype("1e3", {}, {"08": "yes"}),)),)


def test_readings_have_the_values_that_go_sees() -> None:
    subtype = parse_yaml(
        "measurements: [{type: X, subtypes: [{data: {a: 24.10, b: 017, c: ~, d: 2025-01-15, e: yes,"
        ' f: [1.50, [~, "1.50"]], g: {b: 1e6, a: x}, h: "1.50", 1.0: 18446744073709551615}}]}]'
    )
    data = subtype.measurements[0].subtypes[0].data
    assert typed(dict(data)) == typed(
        {
            "a": 24.1,
            "b": 15,
            "c": "<nil>",
            "d": "2025-01-15 00:00:00 +0000 UTC",
            "e": "yes",
            "f": "[1.5 [<nil> 1.50]]",
            "g": "map[a:x b:1e+06]",
            "h": "1.50",
            "1.0": 2**64 - 1,
        }
    )


def test_a_literal_block_is_a_text() -> None:
    assert load_yaml("a: |\n  1\n  2\nb: >-\n  3\n") == {"a": "1\n2\n", "b": "3"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\nb: 2\na: 3\n", "duplicate key a at line 3, column 1"),
        ('1: a\n"1": b\n', "duplicate key 1 at line 2, column 1"),
        (
            "a: !!str 1\n",
            "unsupported tag tag:yaml.org,2002:str at line 1, column 4",
        ),
        ("a: !!python/object:os.system {}\n", "unsupported tag"),
        ("a: 1\n---\nb: 2\n", "a second document begins at line 2, column 1"),
        ("a: {<<: {b: 1}}\n", "merge keys are not supported at line 1, column 5"),
        ("[a]: 1\n", "a key is a map or a list at line 1, column 1"),
        ("a: *b\n", "undefined alias b at line 1, column 4"),
        ("a: &b [*b]\n", "undefined alias b"),
        ("a: [1\nb: 2\n", "at line 2, column 2"),
        ("a: @b\n", "at line 1, column 4"),
        ("a: \x07\n", "special characters are not allowed"),
        ("a:\n\t- b\n", "at line 2, column 1"),
    ],
)
def test_what_is_refused_is_named_with_its_place(text: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_yaml(text)
    assert caught.value.what == "the document is not valid YAML"
    assert why in caught.value.why


@pytest.mark.parametrize(
    "text",
    [
        'a: "\\UFFFFFFFF"\n',
        'a: "\\U00110000"\n',
        pytest.param(f"%YAML 1.{'1' * 5000}\n---\na: 1\n", id="a version of 5,000 digits"),
    ],
)
def test_what_pyyaml_stumbles_over_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="the document is not valid YAML"):
        load_yaml(text)


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert parse_yaml('metadata: {"<<": a}').metadata == {"<<": "a"}


def test_an_alias_stands_for_what_it_names() -> None:
    assert parse_yaml("metadata: &m {a: b}\nextra: *m\n").metadata == {"a": "b"}


def test_aliases_that_multiply_are_refused() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(InvalidRequest, match="its aliases expand to more than 10 MB"):
        load_yaml("\n".join(["l0: &l0 lol", *levels]))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(opening: str) -> None:
    with pytest.raises(InvalidRequest, match=r"nested deeper than 100 levels\b"):
        load_yaml(opening * 1000)


@pytest.mark.parametrize("text", ["", "# nothing\n", "~", "---\n...\n"])
def test_an_empty_document_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="the document is empty"):
        parse_yaml(text)


@PROPERTY
@given(TEXTS, TEXTS)
def test_manifests_keep_every_text_a_text(key: str, value: str) -> None:
    written = render_manifests([{key: value}])
    assert yaml.safe_load(written) == {key: value}
    assert typed(load_yaml(written)) == typed({key: value})


def test_manifests_are_a_stream_of_documents_in_their_own_key_order() -> None:
    program = "import sys\nsys.exit()\n"
    objects = [{"kind": "Pod", "zone": "1e3", "count": 1}, {"b": True, "a": program}]
    assert render_manifests(objects) == (
        '---\nkind: Pod\nzone: "1e3"\ncount: 1\n---\nb: true\na: |\n  import sys\n  sys.exit()\n'
    )


def test_a_tree_is_written_in_block_style() -> None:
    tree = {
        "b": [{"x": 1, "w": [True, "1"]}, "text", [], {}],
        "a": {"c": {}, "d": []},
        "k" * 1025: {"z": 1.5, "w": "a"},
    }
    written = render_tree(tree)
    assert written == (
        'b:\n  - x: 1\n    w:\n      - true\n      - "1"\n  - text\n  - []\n  - {}\n'
        f"a:\n  c: {{}}\n  d: []\n? {'k' * 1025}\n: z: 1.5\n  w: a\n"
    )
    assert yaml.safe_load(written) == tree
    with pytest.raises(TypeError, match=r"^no reading can be of type NoneType$"):
        render_tree({"a": None})


def test_a_map_is_sorted_and_an_empty_one_is_one() -> None:
    assert render_map({"b": 1, "a": "2"}) == 'a: "2"\nb: 1\n'
    assert render_map({}) == "{}\n"


def test_nesting_has_its_limit_at_a_hundred_levels() -> None:
    assert load_yaml("[" * 101 + "]" * 101)
    with pytest.raises(InvalidRequest):
        load_yaml("[" * 102 + "]" * 102)
