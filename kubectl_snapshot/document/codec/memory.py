"""Refuse JSON of a node whose values would need too much memory, before it is decoded (ADR 0065).

Three bytes of JSON can become objects of 370: 22 KiB of log were 450 MiB.
"""

from __future__ import annotations

import re

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.regex import compile_late

FACTOR = 8
# So much is never too much: documents of nodes have 60 KiB to 3 MiB.
FREE_BYTES = 64 * 2**20
# Bytes for a token, with what becomes of it in a Snapshot; measured on CPython 3.9 to 3.13.
MAP, LIST, PAIR, TEXT, NUMBER = 420, 72, 104, 64, 40
_COSTS = {ord("{"): MAP, ord("["): LIST, ord(":"): PAIR}
_TOKEN = compile_late(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[{\[:]|[^\s"{\[:,}\]]+', re.DOTALL)
MAX_WIDTH = 4


def refuse_costly(payload: bytes, free_bytes: int = FREE_BYTES) -> None:
    """Raise InvalidRequest if JSON needs more than 8 times its size and than `free_bytes`."""
    limit = max(FACTOR * len(payload), free_bytes)
    if _bound(payload) <= limit:
        return
    total = (1 + _width(payload)) * len(payload)
    for match in _TOKEN.finditer(payload):
        total += _cost(payload, *match.span())
        if total > limit:
            why = f"{len(payload)} bytes would need over {limit // 2**20} MiB of memory"
            raise InvalidRequest("the document has too many values", why=why)


def _bound(payload: bytes) -> int:
    """Return at least the cost, quickly: what is inside texts counts like JSON."""
    maps, lists, pairs, quotes, commas = map(payload.count, (b"{", b"[", b":", b'"', b","))
    values = MAP * maps + LIST * lists + PAIR * pairs + TEXT * quotes
    return values + NUMBER * (commas + lists + pairs + 1) + (1 + 2 * MAX_WIDTH) * len(payload)


def _cost(payload: bytes, start: int, end: int) -> int:
    first = payload[start]
    if first != ord('"'):
        return _COSTS.get(first, NUMBER)
    return TEXT + (end - start) * _width(memoryview(payload)[start:end])


def _width(text: bytes | memoryview) -> int:
    """Return the bytes that Python needs for a character of UTF-8 with escapes (PEP 393)."""
    if re.search(rb"[\xf0-\xff]|\\u[dD][89abAB]", text):
        return MAX_WIDTH
    return 2 if re.search(rb"[\xc4-\xff]|\\u", text) else 1
