"""Render the rows of an export as JSON lines or CSV. Pure.

A node's output is untrusted, and both are opened by programs that act on what they read: JSON is
ASCII, and CSV has neither control characters nor cells that a spreadsheet takes for a formula.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_snapshot.document.fleet.export_rows import Text

    Write = Callable[[Sequence[Text]], object]

# A spreadsheet evaluates a cell that begins with = + - or @, also in full width, and may remove
# white space before it (OWASP, CSV Injection); an apostrophe makes it text. A plain number is safe.
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|'|[\t\r\n]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
QUOTED = re.compile(r'[",;\t ]')


def render_json_line(columns: Sequence[str], row: Sequence[Text]) -> str:
    """Return a row as a JSON object on one line, in ASCII; None is null."""
    cells = (f'"{name}":{_quote(cell)}' for name, cell in zip(columns, row))
    return f"{{{','.join(cells)}}}\n"


def render_csv_line(row: Sequence[Text]) -> str:
    r"""Return a row as RFC 4180, but for the line end \n; None is an empty cell without quotes.

    An apostrophe precedes a text that begins with one, or that could be a formula. A control
    character but a tab is written as \n, \x1b or \u202e.
    """
    return ",".join(map(_render_cell, row)) + "\n"


def _quote(value: Text) -> str:
    return "null" if value is None else encode_basestring_ascii(value)


def _render_cell(value: Text) -> str:
    if value is None:
        return ""
    text = value if value.isprintable() else "".join(map(_escape, value))
    if FORMULA.match(value) and not NUMBER.fullmatch(value):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if not text or QUOTED.search(text) else text


def _escape(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return character.encode("unicode_escape").decode()
