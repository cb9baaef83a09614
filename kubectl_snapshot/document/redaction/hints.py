"""Find fast where in a text a credential can be: most texts have no such place. Pure.

`re` tries every character; `bytes.find` takes a thirtieth of its time. So a text of a megabyte is
searched only around its hints.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    Span = tuple[int, int]

# What a hint may be part of: a name of a credential, a login, a format, a command, a PEM block, a
# line whose fields have no names.
NAME, LOGIN, TOKEN, COMMAND, BLOCK, FIELDS = range(6)

# Each name of a credential has one of these in it (names.py). A pattern that begins with a literal
# is found as fast as by `bytes.find`; those with one first letter share a search.
_CREDENTIAL = compile_late(rb"c(?:re(?:[dt]|ateuser)|om(?:munit|inguser|b[-_]?team)|ryptset)")
_NAMES = (
    _CREDENTIAL,
    *map(
        compile_late,
        (
            *(
                rb"p(?:ass|in(?![a-z]))",
                rb"auth",
                rb"otp(?![a-z])",
                rb"s(?:e(?:ed|al)|alt)(?![a-z])",
            ),
            *(rb"dsn(?![a-z])", rb"w(?:(?<=pw)|(?<=jw)t)", rb"identified"),
            # key, token, kennwort, cookie, psk, dockercfg; `echo x | kinit`.
            rb"k(?:e(?:y|n(?<=token)|nnwort)|ie|init|_g|(?<=psk)|(?<=dock)erc)",
        ),
    ),
)
_STRING = compile_late(rb"string")
# Every other format has so many characters of a word in a row.
_RUN = 15
_IS_WORD = bytes(
    ord("A") if (chr(i).isalnum() and i < 128) or chr(i) in "_-" else ord(" ") for i in range(256)
)
_CASES = compile_late(rb"[a-z](?=[A-Z])|[A-Z](?=[a-z])")
_UUID = compile_late(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_RUN_OF_WORD = b"A" * _RUN
# By the character that each has in it: of a URL; of hashes.
_BY_CHARACTER = {
    b"%": (NAME, compile_late(rb"%3d")),
    b"$": (TOKEN, compile_late(rb"\$(?:[2567y1p]|gy|apr1|argon2|scrypt|s\$)")),
    b"{": (TOKEN, compile_late(rb"\{(?:s?(?:sha|md5|crypt)|plain|clear)")),
    b"~": (TOKEN, compile_late(rb"q~")),
    b"*": (FIELDS, compile_late(rb"\*[ \t:](?<=[ \t:]..)")),
    b"]": (FIELDS, compile_late(rb"\]:[0-9]")),
    b">": (FIELDS, compile_late(rb">(?<= on >)[^\s]")),
}
_SHORT_FLAG = compile_late(
    rb"-(?<=[\s\"',\[]-)(?:[pukawcxzs]|-?(?:user|proxy|storepass|keypass|from|p:))"
)
_BEARER, _LOGIN = compile_late(rb"b(?:asic|earer|egin)"), compile_late(rb"login")
_PATTERNS = (
    *((pattern, (NAME,)) for pattern in _NAMES),
    (_BEARER, (TOKEN, NAME)),
    # Not only a name: the words of a command are not always flags, as of `vault login x`.
    (_LOGIN, (COMMAND, NAME)),
    (_SHORT_FLAG, (COMMAND,)),
)
# What is searched only where another pattern was found: parts of a Secret's manifest, which may
# have any names, and PEM blocks.
_ONLY_AFTER = {
    _CREDENTIAL: (compile_late(rb"stringdata"), (NAME,)),
    _BEARER: (compile_late(rb"-----begin"), (BLOCK,)),
}
# What stands between a name and its value.
_BETWEEN = compile_late(rb"[=:\s,%<\"']")
# A shorter text is searched as a whole.
SHORT = 256
_BEFORE, _AFTER = 256, 48
_LINE_BEFORE = 1024
_GAP = compile_late(r"[\s\"'<>]")
_WORDS_AHEAD = compile_late(r"\S{0,8}\s{0,8}[^\s\"']*")


def find_windows(text: str) -> dict[int, list[Span]]:
    """Return by kind the parts of a text to search, in order; a kind without any is missing."""
    return widen(text, find_places(text))


def find_places(text: str) -> dict[int, list[int]]:
    """Return by kind where the hints of a text are, in order; a kind without any is missing."""
    data = to_bytes(text)
    hints = _find_by_kind(data)
    if NAME in hints and not _BETWEEN.search(data):
        del hints[NAME]  # a word alone
    if LOGIN in hints and b":" not in data and b"/" not in data:
        del hints[LOGIN]
    if FIELDS in hints and not _BETWEEN.search(data):
        del hints[FIELDS]  # one field
    return {kind: sorted(places) for kind, places in hints.items()}


def widen(text: str, hints: Mapping[int, list[int]]) -> dict[int, list[Span]]:
    """Return by kind the parts of a text around hints."""
    if len(text) <= SHORT:
        return {kind: [(0, len(text))] for kind in hints}
    return {kind: _merge(text, kind, places) for kind, places in hints.items()}


def _find_by_kind(data: bytes) -> dict[int, list[int]]:
    hints: dict[int, list[int]] = {}
    for kind, places in find_hints(data):
        hints[kind] = hints[kind] + places if kind in hints else places
    return hints


def to_bytes(text: str) -> bytes:
    """Return the text with one byte for each character."""
    return text.encode("latin-1", "replace")


def find_hints(data: bytes, is_key: bool = False) -> Iterator[tuple[int, list[int]]]:
    """Yield kinds and positions of hints, several times one kind; of a key, formats only."""
    lower = data.lower()
    for pattern, kinds in () if is_key else _PATTERNS:
        yield from _find_pattern(lower, pattern, kinds)
    for character, (kind, pattern) in _BY_CHARACTER.items():
        if character in lower and not (is_key and kind in (NAME, FIELDS)):
            yield from _find_pattern(lower, pattern, (kind,))
    if b"@" in data:
        places = list(_find_all(data, b"@"))
        yield LOGIN, places
        if not is_key:
            yield FIELDS, places
    runs = list(_find_runs(data))
    if runs:
        yield TOKEN, runs


def _find_pattern(
    lower: bytes, pattern: re.Pattern[bytes], kinds: tuple[int, ...]
) -> Iterator[tuple[int, list[int]]]:
    places = [found.start() for found in pattern.finditer(lower)]
    if places:
        for kind in kinds:
            yield kind, places
        if pattern in _ONLY_AFTER:
            yield from _find_pattern(lower, *_ONLY_AFTER[pattern])


def find_texts(texts: Collection[str]) -> set[int]:
    """Return the indexes of the texts that have a hint; all are searched at once."""
    data, ends = _join(texts)
    return {bisect_right(ends, at) for _, places in find_hints(data) for at in places}


def find_keys(keys: Collection[str]) -> tuple[set[int], set[int]]:
    """Return the indexes of keys that may name a credential, and of those that may hold one.

    What a key holds is a login or a token. What names a credential is names.py's part.
    """
    data, ends = _join(keys)
    lower = data.lower()
    names = {
        bisect_right(ends, found.start())
        for pattern in (*_NAMES, _STRING, _BEARER, _LOGIN)
        for found in pattern.finditer(lower)
    }
    held = {bisect_right(ends, at) for _, places in find_hints(data, True) for at in places}
    return names, held


def _join(texts: Collection[str]) -> tuple[bytes, list[int]]:
    """Return the texts in one, and where each ends."""
    return to_bytes("\n".join(texts)), list(accumulate(map((1).__add__, map(len, texts))))


def _find_all(data: bytes, needle: bytes) -> Iterator[int]:
    at = data.find(needle)
    while at >= 0:
        yield at
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


@lru_cache(maxsize=4096)
def _may_be_token(run: bytes) -> bool:
    """Return whether a run has a digit, or letters in an order of cases that words do not have."""
    letters = run.replace(b"-", b"").replace(b"_", b"")
    if letters.isdigit() or _UUID.fullmatch(run):
        return False
    if not letters.isalpha():
        return True
    if run.islower():
        return False
    cases = len(_CASES.findall(run))
    is_mixed = cases > 3 and (len(letters) < len(run) or 4 * cases > len(run))
    is_upper = run.isupper() and len(letters) == len(run)
    return is_mixed or is_upper or run.startswith((b"AIza", b"eyJ"))


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
    before = max(0, at - _BEFORE)
    line = max(text.rfind("\n", before, at) + 1, before)
    start = max(line, text.rfind(",", before, at), low)
    end = text.find("\n", at, at + _AFTER)
    if end < 0:
        return start, min(at + _AFTER, len(text))
    # The value of a flag may be the next item of a list.
    is_item = text.find("-", line, end) >= 0
    return start, min(end + (_AFTER if is_item else 1), len(text))


def _extend_word(text: str, at: int, low: int) -> Span:
    """Return the word at a position, and the next one: `Bearer x`."""
    start = max(low, *(text.rfind(gap, low, at) + 1 for gap in " \n\t\"'"))
    end = _WORDS_AHEAD.match(text, at)
    gap = _GAP.search(text, at)
    return start, max(end.end() if end else at, gap.start() if gap else len(text))


def _extend_line(text: str, at: int, low: int) -> Span:
    return max(at - _LINE_BEFORE, low), at + 1


def _extend_whole_line(text: str, at: int, low: int) -> Span:
    start = text.rfind("\n", max(at - _LINE_BEFORE, low), at) + 1
    end = text.find("\n", at, at + _LINE_BEFORE)
    return max(start, low), end if end >= 0 else min(at + _LINE_BEFORE, len(text))


def _extend_block(_: str, at: int, low: int) -> Span:
    return at, at + len("-----BEGIN")


_EXTENDERS = {
    NAME: _extend_name,
    LOGIN: _extend_word,
    TOKEN: _extend_word,
    COMMAND: _extend_line,
    BLOCK: _extend_block,
    FIELDS: _extend_whole_line,
}
