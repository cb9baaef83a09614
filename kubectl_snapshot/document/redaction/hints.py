"""Find fast where in a text a credential can be: most texts have no such place. Pure.

`re` tries every character; `bytes.find` takes a thirtieth of its time. So a text of a megabyte is
searched only around its hints.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    Span = tuple[int, int]

# What a hint may be part of: a name of a credential, a login, a format, a command, a PEM block.
NAME, LOGIN, TOKEN, COMMAND, BLOCK = range(5)

# Each name of a credential has one of these in it (names.py), or one that _RARE finds.
_NAME_NEEDLES = (b"pass", b"secret", b"cred", b"auth", b"communit")
_TOKEN_NEEDLES = (b"basic",)
# `re` finds a text that begins with one character as fast as `bytes.find`: token, key, psk, cookie;
# pw; `%3d` of a URL.
_RARE = tuple(map(re.compile, (rb"k(?:e(?:y|n(?<=token))|ie|(?<=psk))", rb"w(?<=pw)", rb"%3d")))
# Every other format has so many characters of a word in a row.
_RUN = 15
_IS_WORD = bytes(
    ord("A") if (chr(i).isalnum() and i < 128) or chr(i) in "_-" else ord(" ") for i in range(256)
)
_CASES = re.compile(rb"[a-z](?=[A-Z])|[A-Z](?=[a-z])")
_RUN_OF_WORD = b"A" * _RUN
_HASHES = tuple(
    map(
        re.compile,
        (rb"\$(?:[2567y1p]|gy|apr1|argon2|scrypt|s\$)", rb"\{s?(?:sha|md5|crypt)", rb"q~"),
    )
)
_SHORT_FLAG = re.compile(
    rb"-(?<=[\s\"',\[]-)(?:[pukawcxzs]|-?(?:user|proxy|storepass|keypass|from|p:))"
)
# A shorter text is searched as a whole.
SHORT = 256
_BEFORE, _AFTER = 256, 48
_LINE_BEFORE = 1024
_GAP = re.compile(r"[\s\"'<>]")
_WORDS_AHEAD = re.compile(r"\S{0,8}\s{0,8}[^\s\"']*")


def find_windows(text: str) -> dict[int, list[Span]]:
    """Return by kind the parts of a text to search, in order; a kind without any is missing."""
    data = to_bytes(text)
    hints: dict[int, list[int]] = {}
    for kind, at in find_hints(data):
        hints.setdefault(kind, []).append(at)
    if len(text) <= SHORT:
        return {kind: [(0, len(text))] for kind in hints}
    return {kind: _merge(text, kind, sorted(places)) for kind, places in hints.items()}


def to_bytes(text: str) -> bytes:
    """Return the text with one byte for each character."""
    return text.encode("latin-1", "replace")


def find_hints(data: bytes, is_key: bool = False) -> Iterator[tuple[int, int]]:
    """Yield kind and position of hints, each kind in order; of a key, those of formats only."""
    lower = data.lower()
    if not is_key:
        for needle in _NAME_NEEDLES:
            yield from _find_all(lower, needle, NAME)
        for needle in _TOKEN_NEEDLES:
            yield from _find_all(lower, needle, TOKEN)
        yield from _find_all(lower, b"-----begin", BLOCK)
        for pattern in _RARE:
            for found in pattern.finditer(lower):
                yield NAME, found.start()
        for found in _SHORT_FLAG.finditer(lower):
            yield COMMAND, found.start()
    yield from _find_all(data, b"@", LOGIN)
    for at in _find_runs(data):
        yield TOKEN, at
    for pattern in _HASHES:
        for found in pattern.finditer(lower):
            yield TOKEN, found.start()


def find_texts(texts: Sequence[str]) -> set[int]:
    """Return the indexes of the texts that have a hint; all are searched at once."""
    data = to_bytes("\n".join(texts))
    lower = data.lower()
    ends = list(accumulate(len(text) + 1 for text in texts))
    found = set()
    for needle in (*_NAME_NEEDLES, *_TOKEN_NEEDLES, b"-----begin", b"@"):
        at = lower.find(needle)
        while at >= 0:
            index = bisect_right(ends, at)
            found.add(index)
            at = lower.find(needle, ends[index])
    found.update(bisect_right(ends, at) for at in _find_runs(data))
    for pattern in (*_RARE, *_HASHES, _SHORT_FLAG):
        found.update(bisect_right(ends, match.start()) for match in pattern.finditer(lower))
    return found


def find_keys(keys: Collection[str]) -> set[int]:
    """Return the indexes of the keys that may hold a login or a token."""
    data = to_bytes("\n".join(keys))
    ends = list(accumulate(len(key) + 1 for key in keys))
    return {bisect_right(ends, at) for _, at in find_hints(data, is_key=True)}


def _find_all(data: bytes, needle: bytes, kind: int) -> Iterator[tuple[int, int]]:
    at = data.find(needle)
    while at >= 0:
        yield kind, at
        at = data.find(needle, at + len(needle))


def _find_runs(data: bytes) -> Iterator[int]:
    """Yield where long runs of a word's characters begin, unless they are words of letters."""
    words = data.translate(_IS_WORD)
    at = words.find(_RUN_OF_WORD)
    while at >= 0:
        end = words.find(b" ", at)
        end = len(data) if end < 0 else end
        if end - at > 40 or _may_be_token(data[at:end]):
            yield at
        at = words.find(_RUN_OF_WORD, end)


def _may_be_token(run: bytes) -> bool:
    """Return whether a run has a digit, or letters in an order of cases that words do not have."""
    letters = run.replace(b"-", b"").replace(b"_", b"")
    if not letters.isalpha():
        return True
    if run.islower():
        return False
    cases = len(_CASES.findall(run))
    is_mixed = cases > 3 and (len(letters) < len(run) or 4 * cases > len(run))
    return is_mixed or run.isupper() or run.startswith((b"AIza", b"eyJ"))


def _merge(text: str, kind: int, hints: list[int]) -> list[Span]:
    """Return the windows of hints of one kind. No window reaches back into the one before."""
    extend = _EXTENDERS[kind]
    merged: list[Span] = []
    last = 0
    for at in hints:
        if merged and at < last - (_AFTER if kind == NAME else 0):
            continue
        start, end = extend(text, at, last)
        if merged and start <= last:
            start = merged.pop()[0]
        last = max(end, last)
        merged.append((start, last))
    return merged


def _extend_name(text: str, at: int, low: int) -> Span:
    low = max(low, at - _BEFORE)
    start = max(text.rfind("\n", low, at) + 1, text.rfind(",", low, at), low)
    end = text.find("\n", at, at + _AFTER)
    if end < 0:
        return start, min(at + _AFTER, len(text))
    # The value of a flag may be the next item of a list.
    is_item = text.find("-", start, end) >= 0
    return start, min(end + (_AFTER if is_item else 1), len(text))


def _extend_word(text: str, at: int, low: int) -> Span:
    """Return the word at a position, and the next one: `Bearer x`."""
    start = max(low, *(text.rfind(gap, low, at) + 1 for gap in " \n\t\"'"))
    end = _WORDS_AHEAD.match(text, at)
    gap = _GAP.search(text, at)
    return start, max(end.end() if end else at, gap.start() if gap else len(text))


def _extend_line(text: str, at: int, low: int) -> Span:
    return max(at - _LINE_BEFORE, low), at + 1


def _extend_block(_: str, at: int, low: int) -> Span:
    return at, at + len("-----BEGIN")


_EXTENDERS = {
    NAME: _extend_name,
    LOGIN: _extend_word,
    TOKEN: _extend_word,
    COMMAND: _extend_line,
    BLOCK: _extend_block,
}
