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
    from collections.abc import Collection, Iterable, Iterator

    Span = tuple[int, int]

# What a hint may be part of: a name of a credential, a login, a format, a command, a PEM block.
NAME, LOGIN, TOKEN, COMMAND, BLOCK = range(5)

# Each name of a credential has one of these in it (names.py), ends in one of _ENDS, or is found by
# _RARE. What a text says under `dsn`, `netrc` or `userinfo` has hints of its own.
_NAME_NEEDLES = (b"pass", b"secret", b"cred", b"auth", b"communit")
_ENDS = (b"pin", b"otp", b"seed", b"salt")
# `re` finds a text that begins with one character as fast as `bytes.find`: key, token, cookie, psk,
# kennwort, dockercfg; pw; jwt.
_RARE = tuple(
    map(
        re.compile,
        (rb"k(?:e(?:y|n(?<=token)|nnwort)|ie|(?<=psk)|(?<=dock)erc)", rb"w(?<=pw)", rb"j(?=wt)"),
    )
)
_ONLY_KEYS = (b"dsn", b"dburl", b"userinfo", b"netrc", b"npmrc", b"string")
# Of a URL.
_PERCENT = re.compile(rb"%3d")
_TOKEN_NEEDLES = (b"basic",)
# Every other format has so many characters of a word in a row.
_RUN = 15
_IS_WORD = bytes(
    ord("A") if (chr(i).isalnum() and i < 128) or chr(i) in "_-" else ord(" ") for i in range(256)
)
_CASES = re.compile(rb"[a-z](?=[A-Z])|[A-Z](?=[a-z])")
_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
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
# What stands between a name and its value.
_BETWEEN = re.compile(rb"[=:\s,%<\"']")
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
    if NAME in hints and not _BETWEEN.search(data):
        del hints[NAME]  # a word alone
    if LOGIN in hints and b":" not in data and b"/" not in data:
        del hints[LOGIN]
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
        for end in _ENDS:
            for at in _find_ends(lower, end):
                yield NAME, at
        for pattern in (*_RARE, _PERCENT):
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


def find_texts(texts: Collection[str]) -> set[int]:
    """Return the indexes of the texts that have a hint; all are searched at once."""
    data, ends = _join(texts)
    lower = data.lower()
    found = _find_indexes(lower, ends, (*_NAME_NEEDLES, *_TOKEN_NEEDLES, b"-----begin", b"@"))
    found.update(bisect_right(ends, at) for at in _find_runs(data))
    for end in _ENDS:
        found.update(bisect_right(ends, at) for at in _find_ends(lower, end))
    for pattern in (*_RARE, _PERCENT, *_HASHES, _SHORT_FLAG):
        found.update(bisect_right(ends, match.start()) for match in pattern.finditer(lower))
    return found


def find_keys(keys: Collection[str]) -> tuple[set[int], set[int]]:
    """Return the indexes of keys that may name a credential, and of those that may hold one.

    What a key holds is a login or a token. What names a credential is names.py's part.
    """
    data, ends = _join(keys)
    lower = data.lower()
    names = _find_indexes(lower, ends, (*_NAME_NEEDLES, *_ENDS, *_ONLY_KEYS))
    for pattern in _RARE:
        names.update(bisect_right(ends, match.start()) for match in pattern.finditer(lower))
    return names, {bisect_right(ends, at) for _, at in find_hints(data, is_key=True)}


def _join(texts: Collection[str]) -> tuple[bytes, list[int]]:
    """Return the texts in one, and where each ends."""
    return to_bytes("\n".join(texts)), list(accumulate(map((1).__add__, map(len, texts))))


def _find_indexes(lower: bytes, ends: list[int], needles: Iterable[bytes]) -> set[int]:
    found = set()
    for needle in needles:
        at = lower.find(needle)
        while at >= 0:
            index = bisect_right(ends, at)
            found.add(index)
            at = lower.find(needle, ends[index])
    return found


def _find_all(data: bytes, needle: bytes, kind: int) -> Iterator[tuple[int, int]]:
    at = data.find(needle)
    while at >= 0:
        yield kind, at
        at = data.find(needle, at + len(needle))


def _find_ends(lower: bytes, end: bytes) -> Iterator[int]:
    """Yield where words end in these letters: `dbpin=`, but not `mapping`."""
    at = lower.find(end)
    while at >= 0:
        after = at + len(end)
        if not lower[after : after + 1].isalpha():
            yield at
        at = lower.find(end, after)


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
