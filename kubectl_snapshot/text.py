"""Text for messages: without control characters, and suggestions for mistyped words. Pure.

Control characters can steer a terminal, and bidirectional overrides reorder what it shows.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's is slow to import, and every start pays
if TYPE_CHECKING:
    from collections.abc import Iterable


def strip_control(text: str, keep: str = "") -> str:
    """Return text with each control character replaced by a space, except those in `keep`.

    A control character is one that str.isprintable() rejects: line breaks, tabs, C0 and C1
    controls, surrogates, bidirectional overrides.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else " " for c in text)


def single_line(text: str) -> str:
    """Return text without control characters, each run of white space as one space."""
    return " ".join(strip_control(text).split())


def suggest(word: str, known: Iterable[str], rest: str) -> str:
    """Return a hint: the known word closest to a mistyped one, if any is close, then `rest`."""
    from difflib import get_close_matches  # late: errors only

    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), names, n=1)
    return f"did you mean {names[close[0]]}? {rest}" if close else rest
