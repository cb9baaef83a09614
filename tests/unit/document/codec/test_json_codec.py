from __future__ import annotations

import json
import math

import pytest
from hypothesis import given

from kubectl_snapshot.document.codec.build import build_tree
from kubectl_snapshot.document.codec.json_codec import (
    canonical_json,
    load_json,
    parse_json,
    render_compact,
    render_json,
    render_scalar,
)
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import InvalidRequest
from tests.unit.document.strategies import DOCUMENT_PROPERTY, SNAPSHOTS, typed

EXAMPLE = Snapshot(
    {"version": "v1", "source-node": "n"},
    (
        Measurement("OS", (Subtype("kmod", {"b": True, "a": "<&>"}), Subtype(""))),
        Measurement("GPU"),
    ),
)
EXAMPLE_JSON = """\
{
  "kind": "Snapshot",
  "apiVersion": "aicr.nvidia.com/v1alpha1",
  "metadata": {
    "source-node": "n",
    "version": "v1"
  },
  "measurements": [
    {
      "type": "OS",
      "subtypes": [
        {
          "subtype": "kmod",
          "data": {
            "a": "\\u003c\\u0026\\u003e",
            "b": true
          }
        },
        {
          "data": {}
        }
      ]
    },
    {
      "type": "GPU"
    }
  ]
}
"""


def test_a_document_is_written_in_the_order_of_the_contract() -> None:
    assert render_json(EXAMPLE) == EXAMPLE_JSON


def test_the_canonical_form_is_the_same_document_on_one_line() -> None:
    assert canonical_json(EXAMPLE) == (
        b'{"kind":"Snapshot","apiVersion":"aicr.nvidia.com/v1alpha1","metadata":{"source-node":"n",'
        b'"version":"v1"},"measurements":[{"type":"OS","subtypes":[{"subtype":"kmod","data":{"a":'
        b'"\\u003c\\u0026\\u003e","b":true}},{"data":{}}]},{"type":"GPU"}]}'
    )


def test_a_document_without_measurements_says_so() -> None:
    assert canonical_json(Snapshot(kind="", api_version="")) == b'{"measurements":[]}'


@DOCUMENT_PROPERTY
@given(SNAPSHOTS)
def test_every_document_reads_back_equal(snapshot: Snapshot) -> None:
    assert typed(parse_json(render_json(snapshot))) == typed(snapshot)
    assert typed(parse_json(canonical_json(snapshot).decode())) == typed(snapshot)


@DOCUMENT_PROPERTY
@given(SNAPSHOTS)
def test_other_readers_see_the_same_document(snapshot: Snapshot) -> None:
    assert typed(json.loads(render_json(snapshot))) == typed(build_tree(snapshot))


def test_a_document_on_a_terminal_cannot_steer_it() -> None:
    text = "\x1b[1m\x7f\x9b1m\u202ex\u2066é"
    snapshot = Snapshot({"note": text}, (Measurement("OS", (Subtype("x", {text: text}),)),))
    written = render_json(snapshot)
    assert written.count("\\u001b[1m\\u007f\\u009b1m\\u202ex\\u2066é") == 3
    assert parse_json(written) == snapshot


@pytest.mark.parametrize(
    ("text", "written"), [("\x7f", "\\u007f"), ("\x9b", "\\u009b"), ("é", "é")]
)
def test_each_control_character_is_escaped(text: str, written: str) -> None:
    assert f'"note": "{written}"' in render_json(Snapshot({"note": text}))


@DOCUMENT_PROPERTY
@given(SNAPSHOTS)
def test_the_canonical_form_survives_reading(snapshot: Snapshot) -> None:
    once = canonical_json(snapshot)
    assert canonical_json(parse_json(once.decode())) == once


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (42, "42"),
        (2**64 - 1, "18446744073709551615"),
        (True, "true"),
        ("hello", '"hello"'),
        ("\u2028<\x07", '"\\u2028\\u003c\\u0007"'),
        (2.0, "2"),
        (0.5, "0.5"),
        (0.0, "0"),
        (0.00001, "0.00001"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (1000000.0, "1000000"),
        (-0.0, "0"),
        (1.2345678901234567e20, "123456789012345667584"),
        (1e21, "1e+21"),
        (math.inf, '"+Inf"'),
        (-math.inf, '"-Inf"'),
        (math.nan, '"NaN"'),
    ],
)
def test_a_reading_is_written_as_go_writes_it(value: str | float, written: str) -> None:
    assert render_scalar(value) == written


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551616", 2.0**64),
        ("1.0", 1.0),
        ("null", "<nil>"),
        ('[1, null, "a"]', "[1 <nil> a]"),
        ('{"b": true, "a": []}', "map[a:[] b:true]"),
    ],
)
def test_integers_stay_integers_and_no_reading_is_a_list(written: str, value: object) -> None:
    snapshot = parse_json(f'{{"measurements": [{{"subtypes": [{{"data": {{"k": {written}}}}}]}}]}}')
    read = snapshot.measurements[0].subtypes[0].data["k"]
    assert (type(read), read) == (type(value), value)


def test_an_integer_beyond_64_bits_is_a_float() -> None:
    assert load_json("1" + "0" * 300) == 1e300


def test_of_equal_keys_the_last_wins() -> None:
    assert parse_json('{"metadata": {"a": "1", "a": "2"}}').metadata == {"a": "2"}


def test_a_lone_surrogate_becomes_the_replacement_character_both_ways() -> None:
    assert b'{"node":"a\xef\xbf\xbdb"}' in canonical_json(Snapshot({"node": "a\ud800b"}))
    assert parse_json('{"metadata": {"node\\udfff": "\\uD83D\\uDE00\\ud800"}}').metadata == {
        "node\ufffd": "\U0001f600\ufffd"
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{\n"a": }', "at line 2, column 6"),
        ('{"a": 1} x', "Extra data at line 1, column 10"),
        ('{"a": "\t"}', "at line 1, column 8"),
        ('{"a": NaN}', "it holds the bare word NaN"),
        ('{"a": -Infinity}', "it holds the bare word -Infinity"),
        ('{"a": 1e400}', "the number 1e400 is out of range"),
    ],
)
def test_what_is_refused_is_named(text: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_json(text)
    assert why in caught.value.why or why in caught.value.what


def test_text_that_is_no_json_is_said_to_be_none() -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_json("{")
    assert caught.value.what == "the document is not valid JSON"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_that_exhausts_the_stack_is_refused(opening: str) -> None:
    with pytest.raises(InvalidRequest, match=r"the document is nested too deeply$"):
        load_json(opening * 100_000)


def test_a_value_nested_without_end_is_not_written() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(InvalidRequest, match=r"a value is nested too deeply$"):
        render_compact(value)


def test_an_integer_of_more_digits_than_int_takes_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="is out of range"):
        load_json("9" * 5000)


@pytest.mark.parametrize("depth", [102, 900])
def test_a_reading_nested_deeply_is_refused(depth: int) -> None:
    value = "[" * depth + "]" * depth
    with pytest.raises(InvalidRequest, match="nested deeper than 100 levels"):
        parse_json(f'{{"measurements": [{{"subtypes": [{{"data": {{"k": {value}}}}}]}}]}}')


def test_a_reading_of_another_type_is_a_defect_of_the_program() -> None:
    subtype = Subtype("x", {"k": None})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match=r"^no reading can be of type NoneType$"):
        render_json(Snapshot(measurements=(Measurement("X", (subtype,)),)))
