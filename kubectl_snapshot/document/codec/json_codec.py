"""Render and parse documents as JSON, byte for byte as the reference does."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.build import build_tree, without_surrogates
from kubectl_snapshot.document.scalars import (
    INT64_MIN,
    UINT64_MAX,
    float_text,
    nonfinite_text,
    positional_text,
)
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

# Go's encoder escapes what could end a script element or a line of JavaScript. None of them occurs
# outside a text, so that whole documents can be searched for them.
ESCAPES = tuple((c, f"\\u{ord(c):04x}") for c in "<>&\u2028\u2029")
# Escaped, because documents are printed on terminals: C1 control characters act as ESC does, and
# bidirectional controls reorder what is shown.
TERMINAL_CONTROLS = "[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"

# Null occurs in values of other programs, never in a document: _render refuses None.
_NULL = object()


def render_json(snapshot: Snapshot) -> str:
    """Return the document with 2 blanks of indentation and a newline at the end."""
    return render_tree(build_tree(snapshot))


def render_tree(tree: Mapping[str, object]) -> str:
    """Return maps, lists and readings with 2 blanks of indentation and a newline at the end."""
    text = _escaped(_render(tree, "\n"))
    if not text.isascii() or "\x7f" in text:
        text = re.sub(TERMINAL_CONTROLS, lambda match: f"\\u{ord(match[0]):04x}", text)
    return text + "\n"


def canonical_json(snapshot: Snapshot) -> bytes:
    """Return the document's canonical compact form: equal documents give equal bytes."""
    return _escaped(_render(build_tree(snapshot), "")).encode()


def render_scalar(value: Scalar) -> str:
    """Return one reading; an infinity or NaN, which JSON does not have, becomes its text form."""
    return _escaped(_render(value, ""))


def render_compact(value: object) -> str:
    """Return any decoded JSON value on one line with its keys sorted, as encoding/json writes it.

    InvalidRequest if it is nested too deeply.
    """
    try:
        return _escaped(_render(_sorted(value), ""))
    except RecursionError:
        raise InvalidRequest("a value is nested too deeply") from None


def parse_json(text: str) -> Snapshot:
    """Return the document in a JSON text; InvalidRequest if it is invalid or over 256 MiB."""
    from kubectl_snapshot.document.codec.tree import parse_tree

    return parse_tree(load_json(text))


def load_json(text: str) -> object:
    """Decode a JSON text: the last of equal keys wins, 64-bit integers stay integers."""
    from kubectl_snapshot.document.codec.tree import refuse_size, without_surrogates_in

    refuse_size(len(text))
    try:
        tree = json.loads(
            text,
            parse_int=_parse_integer,
            parse_float=_parse_float,
            parse_constant=_refuse_constant,
        )
        return without_surrogates_in(tree, text)
    except json.JSONDecodeError as e:
        why = f"{e.msg} at line {e.lineno}, column {e.colno}"
        raise InvalidRequest("the document is not valid JSON", why=why) from e
    except RecursionError:
        raise InvalidRequest("the document is nested too deeply") from None


def _render(value: object, newline: str) -> str:
    """Return JSON; `newline` is a line break with the indentation so far, or empty for one line."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is _NULL:
        return "null"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _render_float(value)
    deeper = f"{newline}  " if newline else ""
    if isinstance(value, dict):
        colon = ": " if newline else ":"
        pairs = (f"{encode_basestring(k)}{colon}{_render(v, deeper)}" for k, v in value.items())
        return _enclosed("{", pairs, "}", newline)
    if isinstance(value, list):
        return _enclosed("[", (_render(item, deeper) for item in value), "]", newline)
    raise TypeError(f"no reading can be of type {type(value).__name__}")


def _sorted(value: object) -> object:
    if value is None:
        return _NULL
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _enclosed(opening: str, items: Iterable[str], closing: str, newline: str) -> str:
    deeper = f"{newline}  " if newline else ""
    body = f",{deeper}".join(items)
    return f"{opening}{deeper}{body}{newline}{closing}" if body else opening + closing


def _render_float(value: float) -> str:
    """Return a float as encoding/json does: an exponent only below 1e-6 and from 1e21."""
    special = nonfinite_text(value)
    if special:
        return f'"{special}"'
    if value.is_integer() and abs(value) < 1e21:
        # Exact, where Go pads with zeros from 2**53 on: readers of integers get the same number.
        return str(int(value))
    if 1e-6 <= abs(value) < 1e21:
        return positional_text(value)
    return float_text(value).replace("e-0", "e-")


def _escaped(text: str) -> str:
    for character, escape in ESCAPES:
        text = text.replace(character, escape)
    return without_surrogates(text)


def _parse_integer(digits: str) -> int | float:
    # Longer ones fit no 64 bits, and int() refuses more than 4,300 digits.
    if len(digits) <= 20:
        value = int(digits)
        if INT64_MIN <= value <= UINT64_MAX:
            return value
    return _parse_float(digits)


def _parse_float(digits: str) -> float:
    value = float(digits)
    if nonfinite_text(value):
        raise InvalidRequest(f"the number {digits[:40]} is out of range")
    return value


def _refuse_constant(name: str) -> object:
    raise InvalidRequest("the document is not valid JSON", why=f"it holds the bare word {name}")
