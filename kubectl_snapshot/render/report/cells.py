"""HTML of many values at once: calling a macro for each costs five times as much. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.document.scalars import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

# Control characters but tab and newline, bidirectional and invisible formatting, surrogates and
# noncharacters. `str.isprintable` depends on Python's version of Unicode; pages must not.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
CONTROL_PICTURES = 0x2400
# Characters that are escaped in HTML, the ampersand first; quotes as markupsafe does.
ESCAPES = (("&", "&amp;"), (">", "&gt;"), ("<", "&lt;"), ("'", "&#39;"), ('"', "&#34;"))
# Longer texts are collapsed, with so many characters shown.
MOST_SHOWN, SHOWN = 400, 120
# Between two texts in one: a noncharacter that no text has.
BETWEEN = "\ufdd0"


class Html(str):
    """Markup, which templates do not escape."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def show(value: Any) -> Any:
    """Return a value's text with invisible characters shown; our own markup is unchanged."""
    if hasattr(value, "__html__"):
        return value
    return INVISIBLE.sub(_picture, _text(value))


def render_value(value: object) -> Html:
    """Return a value as HTML, collapsed if it is long."""
    text = show(_text(value))
    return Html(_render(text, _escape(text)))


def render_rows(rows: Iterable[tuple[object, object]]) -> Html:
    """Return rows of a table, a key and a value each."""
    pairs = list(rows)
    _, keys = _show_all([_text(key) for key, _ in pairs])
    texts, values = _show_all([_text(value) for _, value in pairs])
    return Html(
        "".join(
            f'<tr><th scope="row">{key}</th> <td>{_render(text, html)}</td></tr>\n'
            for key, text, html in zip(keys, texts, values)
        )
    )


def _render(text: str, html: str) -> str:
    if len(text) > MOST_SHOWN:
        start = _escape(text[:SHOWN])
        count = f'<span class="quiet">{len(text)} characters</span>'
        return f'<details class="long"><summary>{start}… {count}</summary>{html}</details>'
    return html or '<span class="quiet">empty text</span>'


def _show_all(texts: list[str]) -> tuple[list[str], list[str]]:
    """Return texts with invisible characters shown, plain and as HTML, by one search for all."""
    whole = BETWEEN.join(texts)
    if whole.count(BETWEEN) != len(texts) - 1:
        shown = list(map(show, texts))
        return shown, list(map(_escape, shown))
    # The search takes most of the time, and most texts need none.
    together = "".join(texts)
    if not (together.isascii() and together.isprintable()):
        whole = INVISIBLE.sub(_picture, whole)
        texts = whole.split(BETWEEN)
    return texts, _escape(whole).split(BETWEEN)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return text_of(value) if isinstance(value, (bool, float)) else str(value)


def _escape(text: str) -> str:
    for character, escape in ESCAPES:
        text = text.replace(character, escape)
    return text


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(CONTROL_PICTURES + code)
    return "\u2421" if code == 0x7F else f"⟨U+{code:04X}⟩"
