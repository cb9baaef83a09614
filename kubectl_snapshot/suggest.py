"""Suggestions for mistyped words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# A word with more is another word.
MAX_TYPING_ERRORS = 3
# Parts of words below this length are in too many of them.
MIN_PART = 3


def suggest(word: str, known: Iterable[str], rest: str) -> str:
    """Return a hint: the known word closest to a mistyped one, if any is close, then `rest`."""
    close = find_closest(word, known)
    return f"did you mean {close}? {rest}" if close else rest


def find_closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that a mistyped one means, "" if none is close.

    Close is: equal but for case and hyphens; few typing errors, one for three characters; or the
    only word that begins with the mistyped one or has all its parts.
    """
    typed = word.lower().strip("-")
    names = {name: name.lower().strip("-") for name in known}
    limit = min(len(typed) // 3, MAX_TYPING_ERRORS)
    errors = {name: count_typing_errors(typed, text, limit) for name, text in names.items()}
    best = min(errors, key=lambda name: (errors[name], name.lower() != word.lower()), default="")
    if best and errors[best] <= limit:
        return best
    longer = [name for name, text in names.items() if _is_part(typed, text)]
    return longer[0] if len(longer) == 1 and len(typed) >= MIN_PART else ""


def _is_part(typed: str, meant: str) -> bool:
    return meant.startswith(typed) or set(typed.split("-")) < set(meant.split("-"))


def count_typing_errors(typed: str, meant: str, limit: int) -> int:
    """Return how many characters were added, omitted, replaced or swapped; above a limit, any more.

    This is the optimal string alignment distance.
    """
    if abs(len(typed) - len(meant)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(typed, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(meant, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and typed[i - 2 : i] == other + meant[j - 2]:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
