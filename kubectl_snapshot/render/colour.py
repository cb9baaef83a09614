"""Colour lines of text for a terminal. Pure; the caller detects the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# SGR parameters (ECMA-48, 8.3.117); these colours are legible in every theme.
RED, GREEN, YELLOW, CYAN = "31", "32", "33", "36"

# Colours by the first word of a line.
MESSAGES = {"error:": "1;31", "warning:": YELLOW, "hint:": CYAN, "fix:": CYAN}
OUTCOMES = {"ok": GREEN, "FAIL": RED, "fail": RED, "warn": YELLOW, "unknown": YELLOW, "fix:": CYAN}
SEVERITIES = {"critical": RED, "warning": YELLOW, "unknown": CYAN, "fix:": CYAN}
# Colours by the first character of a line.
CHANGES = {"+": GREEN, "-": RED, "~": YELLOW, "?": CYAN}


def paint_changes(text: str) -> str:
    """Return a diff with each line in the colour of its kind of change."""
    return "\n".join(
        _paint(line, line.strip(), CHANGES.get(line.strip()[:1])) for line in text.split("\n")
    )


def paint_outcomes(text: str) -> str:
    """Return check results with each outcome in its colour."""
    return paint_lines(text, OUTCOMES)


def paint_severities(text: str) -> str:
    """Return findings with each severity in its colour."""
    return paint_lines(text, SEVERITIES)


def paint_messages(text: str) -> str:
    """Return messages for stderr with their labels in colour."""
    return paint_lines(text, MESSAGES)


def paint_lines(text: str, colours: Mapping[str, str]) -> str:
    """Return a text with the first word of each line in that word's colour."""
    first = ((line, line.strip().partition(" ")[0]) for line in text.split("\n"))
    return "\n".join(_paint(line, word, colours.get(word)) for line, word in first)


def _paint(line: str, words: str, colour: str | None) -> str:
    if not colour:
        return line
    before, _, after = line.partition(words)
    return f"{before}\x1b[{colour}m{words}\x1b[0m{after}"
