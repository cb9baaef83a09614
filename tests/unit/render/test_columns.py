from __future__ import annotations

import pytest

from kubectl_snapshot.render.columns import fit_pairs, render_columns

PAIRS = [("a.rather.long.name", "value"), ("b", "a value that is longer")]


def test_columns_are_two_blanks_apart_and_the_last_one_is_not_padded() -> None:
    assert render_columns([("A", "LONG", "Z"), ("bcd", "x", "")]) == "A    LONG  Z\nbcd  x     \n"


def test_what_would_break_a_line_or_a_column_is_shown_as_an_escape() -> None:
    assert render_columns([("a\tb", "c\nd\r")]) == "a\\tb  c\\nd\\r\n"


def test_without_a_width_nothing_is_cut() -> None:
    assert fit_pairs(PAIRS, 0) == PAIRS
    assert fit_pairs(PAIRS, 1000) == PAIRS


@pytest.mark.parametrize("width", [4, 5, 20, 22, 30, 41, 42])
def test_no_line_is_longer_than_the_width(width: int) -> None:
    lines = render_columns(fit_pairs(PAIRS, width)).splitlines()
    assert all(len(line) <= width for line in lines), lines


def test_a_name_loses_its_beginning_and_a_value_its_end() -> None:
    assert fit_pairs(PAIRS, 22) == [("…long.name", "value"), ("b", "a value t…")]


def test_a_name_takes_the_room_that_short_values_leave() -> None:
    assert fit_pairs([("0123456789", "ab")], 12) == [("…3456789", "ab")]


def test_an_escape_counts_as_what_it_is_shown_as() -> None:
    assert fit_pairs([("k", "\n" * 10)], 11) == [("k", "\\n\\n\\n\\…")]
