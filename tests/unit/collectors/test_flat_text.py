from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.flat_text import (
    NamedEntries,
    add_entry,
    flatten,
    merge_entries,
)
from kubectl_snapshot.errors import InvalidRequest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=30,
)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"b": {"c": "x"}}, {"a.b.c": "x"}),
        ({}, {}),
        ([], {}),
        ([{"k": "<v>", "a": None}, [], 1.0], {"a": '[{"a":null,"k":"\\u003cv\\u003e"},[],1]'}),
        ("", {"a": ""}),
        (True, {"a": "true"}),
        (None, {"a": "<nil>"}),
        (2000000, {"a": "2000000"}),
        (2000000.0, {"a": "2e+06"}),
        (10**30, {"a": str(10**30)}),
    ],
)
def test_a_value_becomes_text_below_its_path(value: object, data: dict[str, str]) -> None:
    assert flatten({"a": value}) == data


def test_a_prefix_stands_before_every_path() -> None:
    assert flatten({"a": {"b": 1}, "c": 2}, "r.values") == {"r.values.a.b": "1", "r.values.c": "2"}


def test_two_paths_that_read_the_same_both_stay() -> None:
    data = flatten({"a": {"b": "inside"}, "a.b": "outside"})
    assert data == {"a.b": "inside", "a.b#2": "outside"}


def test_a_taken_key_is_numbered_and_an_equal_entry_is_one() -> None:
    data: dict[str, str] = {}
    for value in ("x", "y", "x", "z"):
        add_entry(data, "k", value)
    assert data == {"k": "x", "k#2": "y", "k#3": "z"}


def test_of_objects_with_one_name_the_first_by_namespace_has_the_plain_keys() -> None:
    objects = [
        NamedEntries("a", "z", (("k", "other"),)),
        NamedEntries("a", "b", (("k", "first"), ("k", "again"))),
        NamedEntries("c", "z", (("k", "alone"),)),
    ]
    assert merge_entries(objects) == {
        "a.k": "first",
        "a.k#2": "again",
        "z/a.k": "other",
        "c.k": "alone",
    }


def test_nesting_without_end_is_an_error() -> None:
    values: dict[str, Any] = {}
    inner = values
    for _ in range(500):
        inner["a"] = inner = {}
    with pytest.raises(InvalidRequest, match="nested"):
        flatten(values)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_every_leaf_is_text_and_none_is_lost(values: dict[str, Any]) -> None:
    data = flatten(values)
    assert all(isinstance(text, str) for text in data.values())
    distinct = {(path, text) for path, text in leaves(values, "")}
    assert len(data) == len(distinct)


def leaves(values: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    """The leaves by path, their text from a document of one leaf."""
    found = []
    for key, value in values.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            found += leaves(value, path)
        elif value != []:
            found.append((path, flatten({"x": value})["x"]))
    return found
