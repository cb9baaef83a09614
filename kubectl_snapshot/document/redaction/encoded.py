"""Find base64 that encodes a credential, or a text with one. Pure."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.opacity import compiled, fullmatch, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Span = tuple[int, int]

_BLOB = r"(?a)(?<![\w+/=-])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/-])"
_LOGIN = r"[\w.@$+-]{1,128}:[^\s:]{4,}"
_PRINTABLE, _UNDECODED = r"[^\x00-\x08\x0e-\x1f\x7f\ufffd]+", "\ufffd"
# So many characters are decoded first: digests, images and keys are seldom text.
_HEAD = 64


def find_encoded(
    text: str, start: int, end: int, has_credential: Callable[[str], bool]
) -> Iterator[Span]:
    """Yield the base64 in this part of a text that encodes a login, or a text with a credential."""
    for found in compiled(_BLOB).finditer(text, start, end):
        decoded = decode(found[0])
        if decoded and (_is_login(decoded) or has_credential(decoded)):
            yield found.span()


def decode(blob: str) -> str:
    """Return the printable text that base64 encodes, empty if it encodes none."""
    standard = blob.rstrip("=").replace("-", "+").replace("_", "/")
    # The cut may split the last character.
    if not fullmatch(_PRINTABLE, _decode(standard[:_HEAD]).rstrip(_UNDECODED)):
        return ""
    text = _decode(standard)
    return "" if _UNDECODED in text else text


def _decode(standard: str) -> str:
    try:
        data = binascii.a2b_base64(standard + "=" * (-len(standard) % 4))
    except ValueError:
        return ""
    return data.decode("utf-8", "replace")


def _is_login(text: str) -> bool:
    return bool(fullmatch(_LOGIN, text)) and not is_plain(text.partition(":")[2])
