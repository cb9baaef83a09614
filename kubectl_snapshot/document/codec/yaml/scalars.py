"""Resolve and render single YAML scalars.

Reading follows Go's yaml.v3, which is YAML 1.2 with a few habits of 1.1 (contract 1.3); writing
quotes whatever a reader of 1.1 or of 1.2 could take for something else (contract 1.4).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.scalars import INT64_MIN, UINT64_MAX, float_text, nonfinite_text
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from kubectl_snapshot.document.snapshot import Scalar

VALUES = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
NONFINITE = {"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}
# YAML 1.1 has more words for true and false, a merge key and a default key.
MISTAKEN_WORDS = frozenset(
    form
    for word in ("y", "yes", "on", "n", "no", "off", "true", "false", "null", "<<", "=", "~")
    for form in (word, word.title(), word.upper())
)

INTEGER = compile_late(
    r"([-+]?)(?:0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)"
    r"|(?P<d>0|[1-9][0-9]*))"
)
BASES = {"x": 16, "b": 2, "o": 8, "d": 10}
FLOAT = compile_late(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# yaml.v3 deletes underscores; after a leading point Go accepts them only between digits.
STRAY_UNDERSCORE = compile_late(r"(?<![0-9])_|_(?![0-9])")
TIMESTAMP = compile_late(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt]|( ))([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]+))?"
    r"(?(4)|(Z|[-+][0-9]{2}:[0-9]{2})))?"
)

# The common case: a text that every reader resolves to itself, unless it is in MISTAKEN_WORDS.
PLAIN = compile_late(r"[A-Za-z/][A-Za-z0-9/._+@%=,-]*(?: [A-Za-z0-9/._+@%=,-]+)*")
SYNTAX = compile_late(
    r"""[ ,\[\]{}#&*!|>'"%@`]|[-?:](?: |\Z)|(?:---|\.\.\.)\Z"""  # at its beginning
)
SYNTAX_WITHIN = compile_late(r": | #|[ :]\Z")
# Numbers of 1.1 and 1.2, also the broken ones (`0x`) that PyYAML takes for some; base 60; dates.
NUMBER = compile_late(
    r"[-+]?(?:0[xX][0-9a-fA-F]*|0[oO][0-7]*|0[bB][01]*"
    r"|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]*)(?:[eE][-+]?[0-9]*)?"
    r"|[0-9]+(?::[0-9]+)+(?:\.[0-9]*)?|\.[iI][nN][fF]|\.[nN][aA][nN])"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ][0-9 :.,Z+-]*)?"
)
# YAML's printable characters less U+0085, U+2028 and U+2029, which are line breaks in 1.1, and
# less the byte order mark and the bidirectional controls, which reorder what is shown. Surrogates
# pass: render_yaml replaces them.
_UNPRINTABLE = (
    "[^\x20-\x7e\xa0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ufefe\uff00-\ufffd"
    "\U00010000-\U0010ffff]"
)
UNPRINTABLE = compile_late(_UNPRINTABLE)
ESCAPED = compile_late(f'["\\\\]|{_UNPRINTABLE}')
# Most texts need neither of them, which take 10 ms to compile.
ESCAPED_ASCII = compile_late(r'["\\]|[^ -~]')
SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def render_scalar(value: Scalar) -> str:
    """Return one reading as YAML."""
    if isinstance(value, str):
        return render_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    text = float_text(value)
    return NONFINITE.get(text, text)


def render_text(text: str) -> str:
    """Return a text so that every YAML reader gets the same text back, on one line."""
    if PLAIN.fullmatch(text):
        return f'"{text}"' if text in MISTAKEN_WORDS else text
    if text.isascii():
        if not text.isprintable():
            return f'"{ESCAPED_ASCII.sub(_escape, text)}"'
    elif UNPRINTABLE.search(text):
        return f'"{ESCAPED.sub(_escape, text)}"'
    if not text or text in MISTAKEN_WORDS or NUMBER.fullmatch(text.replace("_", "")):
        return f'"{text}"'
    if SYNTAX.match(text) or SYNTAX_WITHIN.search(text):
        return "'" + text.replace("'", "''") + "'"
    return text


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    width, letter = (2, "x") if code < 0x100 else (4, "u")
    return SHORT_ESCAPES.get(character) or f"\\{letter}{code:0{width}X}"


def resolve(text: str) -> object:
    """Return what a scalar without quotes means: None, bool, int, float or text (also dates)."""
    if text in VALUES:
        return VALUES[text]
    if text[0] not in "+-.0123456789":
        return text
    date = _date_text(text)
    if date:
        return date
    digits = text.replace("_", "")
    integer = _parse_integer(digits)
    if integer is not None:
        return integer
    if FLOAT.fullmatch(digits) and not (text[0] == "." and STRAY_UNDERSCORE.search(text)):
        value = float(digits)
        return text if nonfinite_text(value) else value
    return text


def _parse_integer(digits: str) -> int | None:
    """Return the integer that fits signed or, without a sign, unsigned 64 bits."""
    match = INTEGER.fullmatch(digits)
    # int() refuses more than 4,300 digits; 64 bits are 64 of them at most.
    if not match or len(digits) > 70:
        return None
    base = match.lastgroup or "d"
    value = int(match.group(1) + match.group(base), BASES[base])
    upper = UINT64_MAX if not match.group(1) else 2**63 - 1
    return value if INT64_MIN <= value <= upper else None


def _date_text(text: str) -> str:
    """Return a date as Go prints it (`2025-01-15 00:00:00 +0000 UTC`), empty for other text."""
    match = TIMESTAMP.fullmatch(text)
    if not match:
        return ""
    from datetime import datetime

    year, month, day, _, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        return ""
    fraction = f".{fraction[:9]}".rstrip("0").rstrip(".") if fraction else ""
    offset = (zone or "Z").replace(":", "")
    name = "UTC" if offset in ("Z", "+0000", "-0000") else offset
    return f"{moment}{fraction} {'+0000' if name == 'UTC' else offset} {name}"
