"""Validity of an X.509 certificate: from when and until when. Pure.

Python's ssl verifies a peer's certificate and does not read the own one; this reads its DER as far
as the dates (RFC 5280, section 4.1).
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from datetime import datetime, timezone

PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
# X.690: tags of the optional version and of the two kinds of time.
VERSION, UTC_TIME, GENERALIZED_TIME = 0xA0, 0x17, 0x18


def describe_validity(pem: bytes, now: float) -> str:
    """Return that a client certificate is expired or not yet valid at `now`, else an empty text."""
    validity = parse_validity(pem)
    if validity is None:
        return ""
    first, last = validity
    if now > last:
        return f"the client certificate expired at {_render(last)}"
    if now < first:
        return f"the client certificate is valid only from {_render(first)}"
    return ""


def parse_validity(pem: bytes) -> tuple[float, float] | None:
    """Return the first and last second of the first certificate's validity, None if unreadable."""
    found = PEM.search(pem)
    try:
        certificate = _read_item(a2b_base64(found[1]) if found else b"")[1]
        items = _read_items(_read_item(certificate)[1])
        # Version (optional), serial number, signature's algorithm, issuer, validity.
        position = 4 if items[0][0] == VERSION else 3
        first, last = (_parse_time(*item) for item in _read_items(items[position][1]))
    except (ValueError, IndexError, OverflowError):
        return None
    return first, last


def _read_items(data: bytes) -> list[tuple[int, bytes]]:
    items = []
    while data:
        tag, content, data = _read_item(data)
        items.append((tag, content))
    return items


def _read_item(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and content of the first DER item, and the rest (X.690, section 8.1)."""
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    return data[0], data[start : start + length], data[start + length :]


def _parse_time(tag: int, content: bytes) -> float:
    """Return a UTCTime, whose year has two digits from 1950 on, or a GeneralizedTime."""
    text = content.decode("ascii")
    if tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != GENERALIZED_TIME:
        raise ValueError(f"tag {tag} is not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()


def _render(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
