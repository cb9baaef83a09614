"""Replace the credentials in a text: by format, by name, by command. Pure.

redaction/measurements decides which readings are searched, redaction/values what is written. A
search takes linear time for any text: a node's text is untrusted. What searches around a kind of
hint is imported with the first one (ADR 0035): most captures have few kinds.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.hints import (
    BLOCK,
    COMMAND,
    FIELDS,
    LOGIN,
    NAME,
    SHORT,
    TOKEN,
    find_places,
    find_windows,
    widen,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Span = tuple[int, int]

# How often base64 is decoded that is encoded itself: in a Secret's manifest in a Secret.
MAX_DEPTH = 3
# Texts up to this length are searched once.
LONGEST_KNOWN = 64 * 1024


def replace_credentials(text: str, replace: Callable[[str], str]) -> str:
    """Return the text with what `replace` makes of each credential in it."""
    spans = _find_known(text) if len(text) <= LONGEST_KNOWN else _find_spans(text)
    return _replace(text, spans, replace) if spans else text


def _find_spans(text: str) -> list[Span]:
    """Return where the credentials of a text are, in order."""
    hints = find_places(text)
    if not hints:
        return []
    from kubectl_snapshot.document.redaction.opacity import is_harmless

    if is_harmless(text):
        return []
    found: list[Span] = []
    if NAME in hints and len(text) > SHORT:
        from kubectl_snapshot.document.redaction.lines import find_in_lines

        found, hints[NAME] = find_in_lines(text, hints[NAME])
    return _merge((*found, *_find_around(text, widen(text, hints), 0)))


# Releases of one chart, and nodes of one kind, have the same texts.
_find_known = lru_cache(maxsize=2048)(_find_spans)


def replace_shapes(text: str, replace: Callable[[str], str]) -> str:
    """Return the text with what `replace` makes of each credential that its format tells."""
    windows = find_windows(text)
    return _replace(text, _merge(_find_shapes(text, windows, 0)), replace) if windows else text


def find_credentials(text: str, depth: int = 0) -> Iterator[Span]:
    """Yield where credentials are in a text, in no order; they may overlap.

    `depth` counts how often the text was decoded.
    """
    yield from _find_around(text, find_windows(text), depth)


def _find_around(text: str, windows: Mapping[int, list[Span]], depth: int) -> Iterator[Span]:
    yield from _find_shapes(text, windows, depth)
    if NAME in windows:
        from kubectl_snapshot.document.redaction.assignments import find_assigned

        for start, end in windows[NAME]:
            yield from find_assigned(text, start, end)
    if FIELDS in windows:
        from kubectl_snapshot.document.redaction.plain_files import find_in_fields

        for start, end in windows[FIELDS]:
            yield from find_in_fields(text, start, end)
    if COMMAND in windows:
        from kubectl_snapshot.document.redaction.programs import find_in_text

        for start, end in windows[COMMAND]:
            yield from find_in_text(text, start, end)


def _find_shapes(text: str, windows: Mapping[int, list[Span]], depth: int) -> Iterator[Span]:
    if windows.keys().isdisjoint((LOGIN, TOKEN, BLOCK)):
        return
    from kubectl_snapshot.document.redaction import encoded, shapes

    for start, end in windows.get(LOGIN, ()):
        yield from shapes.find_logins(text, start, end)
    for start, end in windows.get(TOKEN, ()):
        yield from shapes.find_tokens(text, start, end)
        if depth < MAX_DEPTH:
            has_one = partial(has_credential, depth=depth + 1)
            yield from encoded.find_encoded(text, start, end, has_one)
    position = 0
    for start, end in windows.get(BLOCK, ()):
        for span in shapes.find_key_blocks(text, max(start, position), end):
            yield span
            position = span[1]


def has_credential(text: str, depth: int = 0) -> bool:
    """Return whether a text has a credential."""
    return next(find_credentials(text, depth), None) is not None


def _replace(text: str, spans: list[Span], replace: Callable[[str], str]) -> str:
    pieces = []
    position = 0
    for start, end in spans:
        pieces += [text[position:start], _replace_one(text, start, end, replace)]
        position = end
    return "".join((*pieces, text[position:])) if pieces else text


def _replace_one(text: str, start: int, end: int, replace: Callable[[str], str]) -> str:
    secret = text[start:end]
    before = text[max(start - 16, 0) : start]
    if before.endswith('"') and "\\" in secret:
        secret = _unescape(secret)
    # A number in JSON becomes a text.
    is_bare = (
        '"' in before
        and re.search(r"\"\s*:\s*$", before)
        and re.match(r"\s*[,}\]]", text[end : end + 8])
    )
    return f'"{replace(secret)}"' if is_bare else replace(secret)


def _unescape(secret: str) -> str:
    import json

    try:
        return str(json.loads(f'"{secret}"'))
    except ValueError:
        return secret


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order; of what overlaps, one that covers all."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if start == end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
