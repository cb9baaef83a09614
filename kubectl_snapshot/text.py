"""Removal of control characters from text that a cluster, a node or a file supplied. Pure.

Control characters can steer a terminal, and bidirectional overrides reorder what it shows.
"""

from __future__ import annotations


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
