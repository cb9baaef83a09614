"""Format rows as aligned columns. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = "  "
ELLIPSIS = "…"
# Characters that would break a line or a column; write_stdout strips other control characters.
ESCAPES = str.maketrans({"\n": "\\n", "\t": "\\t", "\r": "\\r"})


def render_columns(rows: Sequence[Sequence[str]]) -> str:
    """Return a line for each row, every column but the last one as wide as its widest cell."""
    escaped = [[cell.translate(ESCAPES) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in escaped))]
    return "".join(
        GAP.join([*(f"{cell:{width}}" for cell, width in zip(row, widths)), row[-1]]) + "\n"
        for row in escaped
    )


def fit_pairs(rows: Sequence[tuple[str, str]], width: int) -> list[tuple[str, str]]:
    """Return names and values truncated to lines of `width`; 0 truncates nothing.

    Names are truncated at the start, because their ends differ, and keep at least half of the
    line; values are truncated at the end.
    """
    escaped = [(name.translate(ESCAPES), value.translate(ESCAPES)) for name, value in rows]
    if width <= 0:
        return escaped
    longest_name, longest_value = (max(map(len, column)) for column in zip(*escaped))
    room = max(width - len(GAP), 2)
    name_width = min(longest_name, max(room // 2, room - longest_value))
    return [(_cut_start(n, name_width), _cut_end(v, room - name_width)) for n, v in escaped]


def _cut_start(text: str, width: int) -> str:
    return text if len(text) <= width else ELLIPSIS + text[len(text) - width + 1 :]


def _cut_end(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + ELLIPSIS
