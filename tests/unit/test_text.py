"""Control characters never reach a terminal."""

from __future__ import annotations

import pytest

from kubectl_snapshot.suggest import find_closest
from kubectl_snapshot.text import render_seconds, single_line, strip_control


@pytest.mark.parametrize("bad", ["\x1b", "\x07", "\u202e", "\x9b", "\r", "\n", "\t", "\udc80"])
def test_a_control_character_becomes_a_space(bad: str) -> None:
    assert strip_control(f"a{bad}b") == "a b"


def test_line_breaks_and_tabs_stay_where_the_caller_keeps_them() -> None:
    text = "a\tb\n\x1b]0;x\x07\r\n\n\u202eé\n"
    assert strip_control(text, keep="\n\t") == "a\tb\n ]0;x  \n\n é\n"


def test_a_single_line_has_no_runs_of_spaces() -> None:
    assert single_line(" a\n\n b\x1b[31m\tc ") == "a b [31m c"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300 * 3600.0, "1080000"), (0.5, "0.5"), (90.0, "90"), (100.0, "100"), (1.2345, "1.234")],
)
def test_seconds_have_no_exponent(seconds: float, text: str) -> None:
    assert render_seconds(seconds) == text


@pytest.mark.parametrize(
    ("word", "closest"),
    [
        ("selectoor-of-nodes", "selector-of-nodes"),
        ("sxxectyr-of-nodes", "selector-of-nodes"),
        # Four errors are less than a third of the word, and still too many.
        ("sxxxctyr-of-nodes", ""),
    ],
)
def test_a_word_with_more_than_three_errors_is_another_word(word: str, closest: str) -> None:
    assert find_closest(word, ["selector-of-nodes", "other"]) == closest
