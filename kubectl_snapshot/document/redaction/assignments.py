"""Find credentials in a text by the names that it gives its values. Pure.

`name=value`, `name: value`, `"name": "value"`, `--name value`, `name: A_TOKEN, value: x`; in YAML
also the lines below a name. No parser: a text may be cut off, have a key twice, or be a template.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.names import (
    NONE,
    OPAQUE,
    RANDOM,
    TOKEN,
    is_credential_map,
    judge_name,
)
from kubectl_snapshot.document.redaction.opacity import REFERENCE, compiled, is_secret
from kubectl_snapshot.document.redaction.plain_files import BEFORE_VALUE, find_in_plain_file
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator

    Span = tuple[int, int]

# Every run of these characters is met once, at its beginning; a lookahead does not give back any.
_ASSIGNMENT = compile_late(
    r"(?<![\w./-])(?:(?=(?P<name>[\w./-]+))(?P=name)"
    r"(?P<quote>\\*[\"'])?(?P<blank>[ \t]*)(?::(?==))?(?P<sign>[=:])"
    r"|(?=(?P<flag>--?[A-Za-z][\w.-]*))(?P=flag)"
    r"(?:[ \t]+(?=[^\s=:-])|\\*[\"'][ \t]*,\s{0,64}\\*(?=[\"'])|[\"']?[ \t]*\n[ \t]*-[ \t]+))",
    re.ASCII,
)
_ENCODED = compile_late(r"(?a)([A-Za-z_][\w.-]{0,63})%3[dD]((?:(?!%3[bB]|%26)[^\s&;\"']){1,256})")
_ELEMENT = compile_late(r"(?a)<([\w:.-]{1,64})>([^<>]{1,256})</")
_SCHEME = r"(?i)(?:basic|bearer|digest|token|apikey)[ \t]+"
_AFTER_SCHEME, _SCHEME_WIDTH = r"(?i)\b(?:basic|bearer|digest|token|apikey)[ \t]+$", 16
# Prometheus writes `authorization` as two entries, in any order.
_TYPE_OF_TOKEN = r"(?i)\btype\\*[\"']?[ \t]*[:=][ \t]*\\*[\"']?(?:bearer|basic|token|apikey)\b"
_QUOTED = r"(?s)\"((?:[^\"\\]|\\.)*)\"|'((?:[^']|'')*)'|\\+\"(.*?)\\+\""
# Up to white space, the next `name=` of a list, or a quote that ends more than this value.
_WORD = r"(?a)(?:(?![,;&][\w.-]{1,64}[=:])(?![\"'](?:[\s,:;)}\]]|$))\S)+"
# A number in JSON.
_BARE = r"[^\s,}\]\"']*"
_CLOSING = "\"')]},;"
# What follows a `:` without a blank and is no secret: `//` of a URL, the tag of an image.
_NOT_AFTER_COLON = r"(?a)//|v?[0-9]+(?:\.[\w.-]*)?(?!\S)|latest\b"
_BLANKS = r"[ \t]*"
_YAML_BLOCK = r"[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\n"
_YAML_NOTHING = r"[ \t]*(?:#[^\n]*)?(?=\n)"
_YAML_MARK = r"(?:[&!][\w.-]+[ \t]+)+"
# Entries of a map that hold the value of the map's name.
_VALUE_NAMES = (
    r"(?:values?|data|plain|plaintext|literal|inline|inline_?[sS]tring|string|raw|text|content)"
)
_VALUE_ENTRY = rf"\{{\s*\\*[\"']?{_VALUE_NAMES}\\*[\"']?\s*:[ \t]*"
_VALUE_LINE = rf"[ \t]+(?:-[ \t]+)?[\"']?{_VALUE_NAMES}[\"']?:[ \t]+(?=\S)"
# Of a map of credentials; other entries end it.
_ENTRY_LINE = r"\n([ \t]*)[\"']?[\w./-]{1,256}[\"']?:[ \t]*[\"']?([^\s\"']*)[^\n]*(?=\n|\Z)"
_JSON_OPEN = r"\s{0,64}\{"
_JSON_ENTRY = r"(\s{0,64},?\s{0,64})\\*\"[\w./-]{1,256}\\*\"\s{0,8}:\s{0,64}\\*\"([^\s\"\\]*)\\*\""
_ITEM_LINE = r"[ \t]*-[ \t]+(?=\S)"
# Kubernetes writes variables as `name: …, value: …`.
PAIR_NAMES = frozenset(("name", "key", "env", "variable", "parameter"))
_PAIR_VALUE = compile_late(
    r"\\*[\"']?[ \t]*[,\n]?(?:\s{0,8}\\*[\"']?\w{1,32}\\*[\"']?:[^\n,{}\[\]]{0,128}[,\n]){0,2}"
    r"[ \t\n]*\\*[\"']?[vV]alue\\*[\"']?[ \t]*[:=][ \t]*"
)
MAX_NAME = 256
MAX_ITEMS = 200
MAX_ENTRIES = 50


def find_assigned(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield where the values of credentials' names are that begin in this part of a text."""
    ahead: list[Span] = []
    for found in _ASSIGNMENT.finditer(text, start, end):
        at = found.start()
        ahead = [span for span in ahead if span[1] > at]
        if ahead and any(left <= at for left, _ in ahead):
            continue  # a value has no names of its own: to look for them takes quadratic time
        name = found["flag"] or found["name"]
        level = judge_name(name)
        if name.lower() in PAIR_NAMES:
            yield from _find_pair(text, found)
        if level != NONE:
            spans = list(_find_secrets(text, found, level))
            yield from spans
            ahead += spans
        if found["sign"] == ":" and is_credential_map(name.rpartition(".")[2]):
            yield from _find_entries(text, found)
    part = text[start:end].lower()
    if "%3d" in part:
        yield from _find_encoded(text, start, end)
    if "</" in text[start : end + MAX_NAME]:
        yield from _find_elements(text, start, end)
    if BEFORE_VALUE.search(part):
        yield from find_in_plain_file(text, start, end)


def _find_elements(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the values of XML's `<password>x</password>`."""
    for found in _ELEMENT.finditer(text, start, min(end + MAX_NAME, len(text))):
        if is_secret(found[2], judge_name(found[1])):
            yield found.span(2)


def _find_encoded(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the values of a percent-encoded `…%3BPWD%3Dx%3B…`."""
    for found in _ENCODED.finditer(text, start, end):
        name = re.sub("^[0-9A-F]{2}", "", found[1])
        if is_secret(found[2], judge_name(name)):
            yield found.span(2)


def _find_secrets(text: str, found: re.Match[str], level: int) -> Iterator[Span]:
    for left, right in _find_values(text, found):
        if _is_prose(text, found, left, right):
            level = min(level, OPAQUE)
        elif compiled(_AFTER_SCHEME).search(text, max(left - _SCHEME_WIDTH, 0), left):
            level = max(level, TOKEN)
        elif level == OPAQUE and found[0].rstrip("\"' \t:=").endswith("credentials"):
            around = text[max(found.start() - 64, 0) : found.start()] + text[right : right + 64]
            level = TOKEN if compiled(_TYPE_OF_TOKEN).search(around) else level
        if is_secret(text[left:right], level):
            yield left, right


def _find_pair(text: str, found: re.Match[str]) -> Iterator[Span]:
    """Yield the value of a `name: A_TOKEN, value: x`."""
    at = _end_of(_BLANKS, text, found.end())
    left, right = _find_word(text, at)
    name = text[left:right]
    level = judge_name(name) if len(name) <= MAX_NAME and "." not in name[:1] else NONE
    value = _PAIR_VALUE.match(text, right) if level != NONE else None
    if value:
        is_line = "\n" in value[0]
        find = _find_line_value if is_line else _find_word_of
        span = find(text, found.start(), value.end())
        if is_secret(text[slice(*span)], level):
            yield span


def _find_values(text: str, found: re.Match[str]) -> Iterator[Span]:
    """Yield where the values of a name begin and end."""
    start = found.end()
    if not found["sign"] and "\n" in found[0]:
        yield _find_line_value(text, found.start(), start)
        return
    has_blank_after = text[start : start + 1] in (" ", "\t")
    if found["sign"] == "=" and has_blank_after and not found["blank"]:
        return
    is_colon = found["sign"] == ":"
    if is_colon and not found["quote"] and not has_blank_after:
        is_part = "/" in found["name"] or text[found.start() - 1 : found.start()] == ":"
        if is_part or _match(_NOT_AFTER_COLON, text, start):
            return
        if text[start : start + 1] == "\n":
            yield from _find_lines_below(text, found.start(), start)
            return
    start = _end_of(_BLANKS, text, start)
    if not is_colon and _match(r"\{\s*\\*\"", text, start):
        return  # JSON, which has names of its own
    if text[start : start + 1] == "[" and (is_colon or found["blank"]):
        yield from _find_items(text, start)
    elif is_colon and text[start : start + 1] == "{":
        entry = _match(_VALUE_ENTRY, text, start)
        if entry:
            yield _find_word(text, entry.end())
    elif is_colon and has_blank_after and _begins_line(text, found.start()):
        if _match(_YAML_NOTHING, text, start):
            yield from _find_lines_below(text, found.start(), _end_of_line(text, start))
        else:
            yield _find_line_value(text, found.start(), start)
    elif is_colon and found["quote"] and text[start : start + 1] not in tuple("\"'\\"):
        yield start, _end_of(_BARE, text, start)
    else:
        yield _find_word(text, start)


def _find_entries(text: str, found: re.Match[str]) -> Iterator[Span]:
    """Yield the entries of a map of credentials that look random, whatever their names."""
    line_end = _end_of(_YAML_NOTHING, text, found.end())
    at = _end_of(_JSON_OPEN, text, found.end())
    indent = _indent_of(text, found.start())
    entry = _ENTRY_LINE if line_end > found.end() or at == found.end() else _JSON_ENTRY
    at = line_end if entry is _ENTRY_LINE else at
    for _ in range(MAX_ENTRIES):
        value = _match(entry, text, at)
        if value is None or (entry is _ENTRY_LINE and len(value[1]) <= indent):
            return
        if is_secret(value[2], RANDOM):
            yield value.span(2)
        at = value.end()


def _is_prose(text: str, found: re.Match[str], left: int, right: int) -> bool:
    """Return whether `name: value` stands within a sentence."""
    if found["sign"] != ":" or found["quote"] or text[left - 1 : left] in "\"':":
        return False
    before = text[max(found.start() - 8, 0) : found.start()].rpartition("\n")[2].strip(" \t-")
    if before in ("#", "//", ";"):
        return text[right : right + 1] in (" ", "\t")  # else a setting that is commented out
    return not _begins_line(text, found.start()) and before[-1:] not in tuple("{,[(\"'")


def _find_items(text: str, start: int) -> Iterator[Span]:
    """Yield the texts of a list `["a", "b"]` or `[a, b]`."""
    at = start + 1
    for _ in range(MAX_ITEMS):
        at = _end_of(r"[\s,]*", text, at)
        if text[at : at + 1] in ("", "]", "{", "["):
            return
        quoted = _match(_QUOTED, text, at)
        if quoted:
            yield quoted.span(quoted.lastindex or 0)
            at = quoted.end()
            continue
        end = _end_of(r"[^,\]\n]*", text, at)
        if end == at:
            return
        yield at, at + len(text[at:end].rstrip())
        at = end


def _find_lines_below(text: str, name_at: int, line_end: int) -> Iterator[Span]:
    """Yield the values below a `name:` that has none on its line: items, text, `value: x`."""
    indent = _indent_of(text, name_at)
    next_line = line_end + 1
    for _ in range(MAX_ITEMS):
        if next_line >= len(text):
            return
        end = _end_of_line(text, next_line)
        at = _end_of(_BLANKS, text, next_line)
        item = _match(_ITEM_LINE, text, next_line)
        depth = at - next_line
        if depth < indent or (depth == indent and not item):
            return
        value = _match(_VALUE_LINE, text, next_line)
        if value:
            yield _find_line_value(text, at, value.end())
        elif item and not _match(r"[\w\"'./-]+:(?:\s|$)", text, item.end()):
            yield _find_line_value(text, at, item.end())
        elif not item and not _match(r"[\w\"'./-]+[ \t]*[:=]", text, at):
            yield _find_line_value(text, at, at)
        next_line = end + 1


def _find_word_of(text: str, _name_at: int, start: int) -> Span:
    return _find_word(text, start)


def _find_word(text: str, start: int) -> Span:
    start = _end_of(_SCHEME, text, start)
    quoted = _match(_QUOTED, text, start)
    if quoted:
        return quoted.span(quoted.lastindex or 0)
    reference = _match(REFERENCE, text, start)
    if reference:
        return reference.span()
    word = text[start : _end_of(_WORD, text, start)]
    return start, start + len(word.rstrip(_CLOSING))


def _find_line_value(text: str, name_at: int, start: int) -> Span:
    """Return the value of a `name: value` that has its line to itself, as in YAML and in headers.

    What is on the lines below, further to the right than the name, belongs to it.
    """
    start = _end_of(_SCHEME, text, _end_of(_YAML_MARK, text, start))
    quoted = _match(_QUOTED, text, start)
    if quoted:
        return quoted.span(quoted.lastindex or 0)
    block = _match(_YAML_BLOCK, text, start)
    if block:
        start, end = _end_of(_BLANKS, text, block.end()), block.end() - 1
    else:
        end = _end_of_line(text, start)
        comment = text.find(" #", start, end)
        if comment >= 0:
            return start, comment
    indent = _indent_of(text, name_at)
    return start, _end_of_block(text, end, indent)


def _begins_line(text: str, position: int) -> bool:
    before = text[max(position - MAX_NAME, 0) : position].rstrip(" \t-\"'")
    return before.endswith("\n") or (not before and position < MAX_NAME)


def _end_of_block(text: str, end: int, indent: int) -> int:
    """Return the end of the last line from `end` on that begins right of column `indent`."""
    next_line = end + 1
    while next_line < len(text):
        line_end = _end_of_line(text, next_line)
        line = text[next_line:line_end]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
            break
        end, next_line = line_end, line_end + 1
    return end


def _indent_of(text: str, name_at: int) -> int:
    """Return the column of a name that begins its line."""
    return name_at - text.rfind("\n", max(name_at - MAX_NAME, 0), name_at) - 1


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _end_of(pattern: str, text: str, start: int) -> int:
    found = _match(pattern, text, start)
    return found.end() if found else start


def _match(pattern: str, text: str, start: int) -> re.Match[str] | None:
    return compiled(pattern).match(text, start)
