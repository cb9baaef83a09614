from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.scalars import (
    as_integer,
    as_text,
    float_text,
    kind_of,
    positional_text,
    text_of,
    to_reading,
    to_scalar,
)
from kubectl_snapshot.errors import InvalidRequest, NotFound
from tests.unit.document.strategies import FLOATS, PROPERTY


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"),
        (24.10, "24.1"),
        (1000000.0, "1e+06"),
        (1.5, "1.5"),
        (999999.0, "999999"),
        (1234567.5, "1.2345675e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
        (0.0, "0"),
        (-0.0, "-0"),
        (-1.5e-300, "-1.5e-300"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (123456.789, "123456.789"),
    ],
)
def test_a_float_is_written_in_gos_shortest_form(value: float, text: str) -> None:
    assert float_text(value) == text


@PROPERTY
@given(FLOATS)
def test_both_forms_of_a_float_read_back_equal(value: float) -> None:
    assert float(float_text(value)) == value
    assert float(positional_text(value)) == value
    assert "e" not in positional_text(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["a", "b", "c"], "[a b c]"),
        ([], "[]"),
        ([["/usr/bin/x", ["/usr/bin/x"], False, 0]], "[[/usr/bin/x [/usr/bin/x] false 0]]"),
        ((False, ""), "[false ]"),
        (b"\xdb\x67\xad", "[219 103 173]"),
        ({"b": 2, "a": 1}, "map[a:1 b:2]"),
        ({10: "x", 9: "y"}, "map[9:y 10:x]"),
        ({}, "map[]"),
        (None, "<nil>"),
        ([None, 1.50, 1e6], "[<nil> 1.5 1e+06]"),
        (True, "true"),
        (False, "false"),
        (18446744073709551615, "18446744073709551615"),
        (" unchanged\t", " unchanged\t"),
        ("/org/freedesktop/systemd1", "/org/freedesktop/systemd1"),
    ],
)
def test_any_value_has_the_references_text_form(value: object, text: str) -> None:
    assert text_of(value) == text


def test_a_value_nested_without_end_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(InvalidRequest):
        text_of(value)


def test_a_value_is_nested_up_to_a_hundred_levels() -> None:
    value: object = "x"
    for _ in range(101):
        value = [value]
    assert text_of(value) == "[" * 101 + "x" + "]" * 101
    with pytest.raises(InvalidRequest, match=r"deeper than 100 levels$"):
        text_of([value])


@pytest.mark.parametrize("value", ["a", True, 1.5, 0, -(2**63), 2**64 - 1])
def test_what_a_document_can_hold_stays_as_it_is(value: object) -> None:
    assert to_scalar(value) is value


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "<nil>"), ([1], "[1]"), ({"a": 1}, "map[a:1]"), (b"\x01", "[1]"), (2**64, str(2**64))],
)
def test_what_a_document_cannot_hold_becomes_text(value: object, text: str) -> None:
    assert to_scalar(value) == text


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "uint32", "objectpath"])
def test_the_smaller_integers_of_dbus_become_text(kind: str) -> None:
    assert to_reading(kind, 2217) == ("string", "2217")


@pytest.mark.parametrize("kind", ["int", "int64", "uint", "uint64"])
def test_integers_of_64_bits_stay_numbers(kind: str) -> None:
    assert to_reading(kind, 42) == (kind, 42)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1", "string"),
        (True, "bool"),
        (1, "int64"),
        (2**63 - 1, "int64"),
        (2**63, "uint64"),
        (1.0, "float64"),
    ],
)
def test_a_reading_has_the_kind_a_reader_gives_it(value: str | float, kind: str) -> None:
    assert kind_of(value) == kind


@pytest.mark.parametrize("value", ["1", True, 1.0, 2**63])
def test_only_a_signed_integer_is_read_as_an_integer(value: str | float) -> None:
    assert as_integer({"n": -5}, "n") == -5
    assert as_integer({"n": 2**63 - 1}, "n") == 2**63 - 1
    with pytest.raises(InvalidRequest) as caught:
        as_integer({"n": value}, "n")
    assert caught.value.what == "n is not an integer"


@pytest.mark.parametrize("value", [1, True, 1.0])
def test_only_text_is_read_as_text(value: float) -> None:
    assert as_text({"t": ""}, "t") == ""
    with pytest.raises(InvalidRequest) as caught:
        as_text({"t": value}, "t")
    assert caught.value.what == "t is not text"
    assert caught.value.why.startswith("it is ")
    assert caught.value.why.endswith(f" {text_of(value)}")


def test_a_missing_reading_is_not_found() -> None:
    with pytest.raises(NotFound):
        as_integer({}, "n")
    with pytest.raises(NotFound):
        as_text({}, "t")


@PROPERTY
@given(st.recursive(st.none() | st.booleans() | st.integers() | FLOATS, st.lists, max_leaves=10))
def test_every_value_becomes_a_reading(value: object) -> None:
    assert isinstance(to_scalar(value), (str, int, float, bool))
