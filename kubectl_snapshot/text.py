"""Text for messages: without control characters, on one line. Pure.

Control characters can steer a terminal, and bidirectional overrides reorder what it shows.
"""

from __future__ import annotations

# Characters that editors and chats put in place of hyphens.
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"


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


def render_seconds(seconds: float) -> str:
    """Return seconds as a decimal, to the millisecond and without an exponent: 1080000, 0.5."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
