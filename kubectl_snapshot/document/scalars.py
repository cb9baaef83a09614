"""Single readings: what they become in a document, their text form, and typed access to them.

The rules are those of contract 1.3. Nothing here knows a codec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.document.snapshot import Scalar

INT64_MIN, INT64_MAX, UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1

# The kinds that stay what they are; every other one (the smaller D-Bus integers, arrays, structs,
# object paths) becomes text.
KEPT_KINDS = ("int", "int64", "uint", "uint64", "float64", "bool", "string")

# A document of ours is 7 levels deep; the limit keeps hostile ones from exhausting the stack.
MAX_DEPTH = 100


class NestedText(str):
    """The text form of a list or a map that still knows it: the text alone blurs its elements."""

    source: object = None


def to_reading(kind: str, value: object) -> tuple[str, Scalar]:
    """Return a value of a declared kind as it is kept in `data`, with the kind it then has."""
    if kind in KEPT_KINDS:
        return kind, to_scalar(value)
    text = text_of(value)
    if isinstance(value, (list, tuple, dict)):
        text = NestedText(text)
        text.source = value
    return "string", text


def to_scalar(value: object) -> Scalar:
    """Return any decoded value as it is kept in `data`: 64-bit integers, floats, bools and text.

    Everything else becomes its text form: None `<nil>`, lists `[a b]`, maps `map[k:v]`.
    """
    if isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, int) and INT64_MIN <= value <= UINT64_MAX:
        return value
    return text_of(value)


def kind_of(value: Scalar) -> str:
    """Return the kind a reader gives a value: string, bool, int64, uint64 or float64."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64" if value <= INT64_MAX else "uint64"
    return "float64"


def text_of(value: object, depth: int = 0) -> str:
    """Return the text form of any value; InvalidRequest if it is nested deeper than MAX_DEPTH."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"a value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=_key_order)
        texts = (f"{text_of(k, depth + 1)}:{text_of(v, depth + 1)}" for k, v in pairs)
        return f"map[{' '.join(texts)}]"
    if isinstance(value, (list, tuple, bytes, bytearray)):
        return f"[{' '.join(text_of(item, depth + 1) for item in value)}]"
    return str(value)


def float_text(value: float) -> str:
    """Return a float in Go's shortest form: the exponent is written below 1e-4 and from 1e6."""
    special = nonfinite_text(value)
    if special:
        return special
    sign, digits, exponent = _shortest(value)
    if -4 <= exponent < 6:
        return sign + _positional(digits, exponent)
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def positional_text(value: float) -> str:
    """Return a finite float without an exponent, in the fewest digits that read back equal."""
    sign, digits, exponent = _shortest(value)
    return sign + _positional(digits, exponent)


def nonfinite_text(value: float) -> str:
    """Return `+Inf`, `-Inf` or `NaN`, empty for a finite float."""
    if value != value:
        return "NaN"
    return {float("inf"): "+Inf", float("-inf"): "-Inf"}.get(value, "")


def as_integer(data: Mapping[str, Scalar], key: str) -> int:
    """Return a reading that is a signed 64-bit integer; NotFound or InvalidRequest if it is not."""
    value = _reading(data, key)
    if isinstance(value, int) and not isinstance(value, bool) and value <= INT64_MAX:
        return value
    raise InvalidRequest(f"{key} is not an integer", why=f"it is {kind_of(value)} {text_of(value)}")


def as_text(data: Mapping[str, Scalar], key: str) -> str:
    """Return a reading that is text; NotFound or InvalidRequest if it is not."""
    value = _reading(data, key)
    if isinstance(value, str):
        return value
    raise InvalidRequest(f"{key} is not text", why=f"it is {kind_of(value)} {text_of(value)}")


def _key_order(pair: tuple[object, object]) -> tuple[bool, float, str]:
    key = pair[0]
    if isinstance(key, (int, float)):
        return False, key, ""
    return True, 0, text_of(key)


def _reading(data: Mapping[str, Scalar], key: str) -> Scalar:
    try:
        return data[key]
    except KeyError:
        raise NotFound(f"no such reading: {key}") from None


def _shortest(value: float) -> tuple[str, str, int]:
    """Return sign, digits and decimal exponent of the shortest form, which repr() finds."""
    text = repr(value)
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    mantissa, _, power = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    exponent = len(whole) - 1 - leading + int(power or "0")
    digits = digits.rstrip("0")
    return (sign, digits, exponent) if digits else (sign, "0", 0)


def _positional(digits: str, exponent: int) -> str:
    if exponent < 0:
        return f"0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{whole}.{fraction}" if fraction else whole
