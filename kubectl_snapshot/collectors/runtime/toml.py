"""Parse TOML 1.0 as tomllib does, without dates. Pure.

Of our own: tomllib is missing before Python 3.11, and where Python has no compiled files, as in the
agent's image, compiling it takes 14 ms of each capture (docs/adr/0076).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from typing import Any

    Table = dict[str, Any]

BARE_KEY = r"[A-Za-z0-9_-]+"
SPACES = r"[ \t]*"
# White space, line ends and comments.
BLANK = r"(?:[ \t\n]+|#[^\x00-\x08\x0a-\x1f\x7f]*)*"
LINE_END = r"[ \t]*(?:#[^\x00-\x08\x0a-\x1f\x7f]*)?(?:\n|\Z)"
PLAIN = r"[0-9A-Za-z+._-]+"
DIGITS = "[0-9](?:_?[0-9])*"
WHOLE = "[+-]?(?:0|[1-9](?:_?[0-9])*)"
FLOAT = rf"{WHOLE}(?:\.{DIGITS})?(?:[eE][+-]?{DIGITS})?|[+-]?(?:inf|nan)"
BASED = "0x[0-9A-Fa-f](?:_?[0-9A-Fa-f])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*"
ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
# Characters of a text as it is written, by its quotes; more of them are allowed in several lines.
TEXTS = {
    '"': r"""[^"\\\x00-\x08\x0a-\x1f\x7f]*""",
    "'": r"""[^'\x00-\x08\x0a-\x1f\x7f]*""",
    '"""': r"""(?:[^"\\\x00-\x08\x0b-\x1f\x7f]+|"{1,2}(?!"))*""",
    "'''": r"""(?:[^'\x00-\x08\x0b-\x1f\x7f]+|'{1,2}(?!'))*""",
}
MAX_DEPTH = 50


class _Marks(NamedTuple):
    """Which tables may not be defined again, by id(): with a header, by keys, in one line."""

    declared: set[int]
    dotted: set[int]
    closed: set[int]


def parse_toml(text: str) -> Table:
    """Return the table of a TOML file. Raises InvalidRequest with the line."""
    text = text.replace("\r\n", "\n")
    root: Table = {}
    table, marks = root, _Marks(set(), set(), set())
    at = _skip(BLANK, text, 0)
    while at < len(text):
        if text[at] == "[":
            marks.declared.update(marks.dotted)
            marks.dotted.clear()
            table, at = _parse_header(text, at, root, marks)
        else:
            at = _parse_pair(text, at, table, marks, 0)
        end = re.compile(LINE_END).match(text, at)
        if not end:
            raise _error(text, at, "the line does not end here")
        at = _skip(BLANK, text, end.end())
    return root


def _parse_header(text: str, at: int, root: Table, marks: _Marks) -> tuple[Table, int]:
    """Return the table that `[a.b]` or `[[a.b]]` opens, and where the header ends."""
    bracket = "]]" if text.startswith("[[", at) else "]"
    keys, end = _parse_keys(text, at + len(bracket))
    if not text.startswith(bracket, end):
        raise _error(text, end, f"{bracket} expected")
    table = root
    for key in keys[:-1]:
        table = _open(text, at, table.setdefault(key, {}), marks)
    last = keys[-1]
    if bracket == "]]":
        tables = table.setdefault(last, [])
        if not isinstance(tables, list) or id(tables) in marks.closed:
            raise _error(text, at, f"{last} has a value")
        tables.append({})
        return tables[-1], end + 2
    found = table.setdefault(last, {})
    if isinstance(found, list) or id(found) in marks.declared:
        raise _error(text, at, f"{last} is there twice")
    marks.declared.add(id(found))
    return _open(text, at, found, marks), end + 1


def _open(text: str, at: int, found: Any, marks: _Marks) -> Table:
    """Return a table, or the last of a list of tables, if more may be written into it."""
    if isinstance(found, list) and found and id(found) not in marks.closed:
        found = found[-1]
    if not isinstance(found, dict) or id(found) in marks.closed:
        raise _error(text, at, "a part of the key has a value")
    return found


def _parse_pair(text: str, at: int, table: Table, marks: _Marks, depth: int) -> int:
    """Add a key and its value to a table; return where the value ends."""
    keys, at = _parse_keys(text, at)
    if text[at : at + 1] != "=":
        raise _error(text, at, "= expected")
    value, end = _parse_value(text, _skip(SPACES, text, at + 1), marks, depth)
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict) or id(table) in marks.declared | marks.closed:
            raise _error(text, at, f"{key} has a value")
        marks.dotted.add(id(table))
    if keys[-1] in table:
        raise _error(text, at, f"{keys[-1]} is there twice")
    table[keys[-1]] = value
    return end


def _parse_keys(text: str, at: int) -> tuple[list[str], int]:
    """Return the parts of a dotted key, and where the white space after it ends."""
    keys = []
    while True:
        at = _skip(SPACES, text, at)
        if text[at : at + 1] in ('"', "'") and text[at : at + 3] not in TEXTS:
            key, at = _parse_text(text, at, text[at])
        else:
            key, at = _match(BARE_KEY, text, at, "key")
        keys.append(key)
        at = _skip(SPACES, text, at)
        if text[at : at + 1] != ".":
            return keys, at
        at += 1


def _parse_value(text: str, at: int, marks: _Marks, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise _error(text, at, f"more than {MAX_DEPTH} levels")
    first = text[at : at + 1]
    if first in ('"', "'"):
        quotes = text[at : at + 3]
        return _parse_text(text, at, quotes if quotes in TEXTS else first)
    if first == "[":
        return _parse_list(text, at + 1, marks, depth + 1)
    if first == "{":
        return _parse_inline(text, at + 1, marks, depth + 1)
    word, end = _match(PLAIN, text, at, "value")
    if word in ("true", "false"):
        return word == "true", end
    if re.fullmatch(f"{BASED}|{WHOLE}", word):
        return _parse_integer(text, at, word), end
    if re.fullmatch(FLOAT, word):
        return float(word), end
    raise _error(text, at, "the value is neither quoted nor a number")


def _parse_list(text: str, at: int, marks: _Marks, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    marks.closed.add(id(found))
    while True:
        at = _skip(BLANK, text, at)
        if text[at : at + 1] == "]":
            return found, at + 1
        value, at = _parse_value(text, at, marks, depth)
        found.append(value)
        at = _skip(BLANK, text, at)
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != "]":
            raise _error(text, at, "] expected")


def _parse_inline(text: str, at: int, marks: _Marks, depth: int) -> tuple[Table, int]:
    found: Table = {}
    # Its keys are its own: they do not end with the next header.
    inner = _Marks(set(), set(), marks.closed)
    at = _skip(SPACES, text, at)
    while text[at : at + 1] != "}" or found:
        at = _skip(SPACES, text, _parse_pair(text, at, found, inner, depth))
        if text[at : at + 1] == "}":
            break
        if text[at : at + 1] != ",":
            raise _error(text, at, "} expected")
        at += 1
    marks.closed.add(id(found))
    return found, at + 1


def _parse_text(text: str, at: int, quotes: str) -> tuple[str, int]:
    """Return the text in quotes that begins at `at`, and where it ends."""
    at += len(quotes)
    if len(quotes) == 3 and text.startswith("\n", at):
        at += 1
    parts = []
    while True:
        part, at = _match(TEXTS[quotes], text, at, "text")
        parts.append(part)
        if text.startswith(quotes, at):
            at += len(quotes)
            # One or two more are a part of a text of several lines.
            more = len(_match(f"{quotes[0]}{{0,2}}", text, at, "")[0]) if len(quotes) == 3 else 0
            return "".join(parts) + more * quotes[0], at + more
        if not text.startswith("\\", at) or quotes[0] == "'":
            raise _error(text, at, "a text does not end, or has a control character")
        part, at = _parse_escape(text, at + 1, len(quotes) == 3)
        parts.append(part)


def _parse_escape(text: str, at: int, has_lines: bool) -> tuple[str, int]:
    """Return the character after a backslash, and where the next one begins."""
    letter = text[at : at + 1]
    if letter in ESCAPES:
        return ESCAPES[letter], at + 1
    if letter in ("u", "U"):
        digits = "{4}" if letter == "u" else "{8}"
        code, end = _match(f"[0-9A-Fa-f]{digits}", text, at + 1, "hexadecimal number")
        if int(code, 16) < 0xD800 or 0xDFFF < int(code, 16) <= 0x10FFFF:
            return chr(int(code, 16)), end
    if has_lines and re.compile(r"[ \t]*\n").match(text, at):
        return "", _skip(r"[ \t\n]*", text, at)
    raise _error(text, at, "no such escape")


def _parse_integer(text: str, at: int, word: str) -> int:
    # The longest is binary; Python refuses to convert thousands of digits.
    number = int(word, 0 if word[:1] == "0" and len(word) > 1 else 10) if len(word) < 200 else 2**64
    if not -(2**63) <= number < 2**63:
        raise _error(text, at, "the number has more than 64 bits")
    return number


def _skip(pattern: str, text: str, at: int) -> int:
    found = re.compile(pattern).match(text, at)
    return found.end() if found else at


def _match(pattern: str, text: str, at: int, what: str) -> tuple[str, int]:
    found = re.compile(pattern).match(text, at)
    if not found:
        raise _error(text, at, f"{what} expected")
    return found[0], found.end()


def _error(text: str, at: int, why: str) -> InvalidRequest:
    line = text.count("\n", 0, at) + 1
    return InvalidRequest(f"invalid TOML in line {line}", why=why)
