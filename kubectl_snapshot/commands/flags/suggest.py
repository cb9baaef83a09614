"""Suggest the known word closest to a mistyped one. Pure."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's is slow to import, and every start pays
if TYPE_CHECKING:
    from collections.abc import Iterable


def suggest(word: str, known: Iterable[str], rest: str) -> str:
    """Return `did you mean X?` for the closest known word, if any is close, and then the rest."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), list(known), n=1)
    return f"did you mean {close[0]}? {rest}" if close else rest
