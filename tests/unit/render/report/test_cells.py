from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.render.report.cells import (
    BETWEEN,
    MOST_SHOWN,
    SHOWN,
    Html,
    render_rows,
    render_value,
    show,
)
from tests.unit.document.strategies import PROPERTY

TEXTS = st.text(max_size=12) | st.sampled_from(("<b>", "&amp;", "\n\t", "\x00", "\u202e", BETWEEN))
VALUES = TEXTS | st.booleans() | st.integers() | st.floats() | TEXTS.map(lambda text: text * 90)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[31m\x00\x7f", "␛[31m␀␡"),
        ("a\rb", "a␍b"),
        ("\u202egnp.exe", "⟨U+202E⟩gnp.exe"),
        ("a\u200bb\x9b\ud800", "a⟨U+200B⟩b⟨U+009B⟩⟨U+D800⟩"),
        ("żółć 中文", "żółć 中文"),
        (True, "true"),
        (0.5, "0.5"),
        (18446744073709551615, "18446744073709551615"),
    ],
)
def test_what_is_invisible_in_a_value_is_shown(value: object, text: str) -> None:
    assert show(value) == text


@PROPERTY
@given(st.lists(st.tuples(TEXTS, VALUES), max_size=4))
def test_many_rows_are_rendered_as_one_by_one(rows: list[tuple[str, object]]) -> None:
    assert render_rows(rows) == "".join(render_rows([row]) for row in rows)
    for key, value in rows:
        cell = f'<tr><th scope="row">{escape(key)}</th> <td>{render_value(value)}</td></tr>\n'
        assert render_rows([(key, value)]) == cell


def escape(text: str) -> str:
    """Escape a text one character at a time."""
    names = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;"}
    return "".join(names.get(character, character) for character in show(text))


@PROPERTY
@given(TEXTS.filter(bool))
def test_a_short_value_is_its_text(text: str) -> None:
    assert render_value(text) == escape(text)


def test_a_long_value_is_collapsed() -> None:
    text = "<" * (MOST_SHOWN + 1)
    assert render_value(text) == (
        f'<details class="long"><summary>{"&lt;" * SHOWN}… <span class="quiet">401 characters'
        f"</span></summary>{'&lt;' * 401}</details>"
    )
    assert "details" not in render_value(text[1:])
    # The length is that of what is shown.
    assert "<details" in render_value("\u202e" * 51)


def test_a_value_without_text_says_so() -> None:
    assert render_value("") == '<span class="quiet">empty text</span>'
    assert not re.search("<td></td>", render_rows([("a", ""), ("b", 1)]))


def test_markup_of_ours_is_not_escaped_again() -> None:
    markup = render_value("<b>")
    assert isinstance(markup, Html)
    assert markup.__html__() == "&lt;b&gt;"
    assert show(markup) is markup
