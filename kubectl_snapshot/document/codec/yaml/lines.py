"""Read documents in exactly the YAML that `codec` writes, without PyYAML. Pure.

PyYAML takes 0.15 s for a document of 60 KB, this 1 ms, and less for lines that it has seen: the
nodes of a fleet share most of theirs. A text of any other form is left to `codec`: the result
is None. Tests compare both readers with random and mutated documents.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from kubectl_snapshot.document.codec.tree import SURROGATE_SOURCE
from kubectl_snapshot.document.codec.yaml.scalars import (
    SYNTAX,
    SYNTAX_WITHIN,
    UNPRINTABLE,
    VALUES,
    resolve,
)
from kubectl_snapshot.document.scalars import to_scalar
from kubectl_snapshot.document.snapshot import (
    FINGERPRINT,
    Item,
    Measurement,
    Snapshot,
    Subtype,
)
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kubectl_snapshot.document.snapshot import Scalar

MEASUREMENTS, SUBTYPES = "\nmeasurements:\n", "\n    subtypes:\n"
DATA, CONTEXT = "\n        data:\n", "\n        context:\n"
NO_DATA = "\n        data: {}"
ITEMS = "\n        items:\n"
DIMENSION = compile_late(r"\n  (?! )")
ITEM_CONTEXT, ITEM_DATA = "context:\n", "data:\n"
DOUBLE = compile_late(r'"(?:[^"\\]|\\(?:["\\ntr]|x[0-9A-F]{2}|u[0-9A-F]{4}))*"')
SINGLE = compile_late(r"'(?:[^']|'')*'")
# Most lines: a plain key, and a text that is plain or in quotes without escapes (scalars.PLAIN).
SIMPLE = compile_late(
    r"([A-Za-z/][A-Za-z0-9/._+@%=,-]*): "
    r"(?:\"([^\"\\]*)\"|([A-Za-z/][A-Za-z0-9/._+@%=,-]*(?: [A-Za-z0-9/._+@%=,-]+)*))"
)
ESCAPE = compile_late(r"\\(?:x(..)|u(....)|(.))")
LETTERS = {"n": "\n", "t": "\t", "r": "\r"}
MAX_KEY = 1000
# Lines and maps to remember: enough for what nodes have in common.
MAX_LINES, MAX_MAPS = 50_000, 500


class _OtherForm(Exception):
    """The text is not one that `codec` writes."""


class LineReader:
    """Reads documents, and shares what is equal in several.

    A reader of one document (`most_maps` and `most_lines` 0) remembers nothing. A text may be most
    of the memory, so that each function drops its copy before it makes the next.
    """

    def __init__(self, most_maps: int = MAX_MAPS, most_lines: int = MAX_LINES) -> None:
        self._data, self._texts = _Lines(_reading, most_lines), _Lines(_text, most_lines)
        self._maps: dict[str, Mapping[str, Scalar]] = {}
        self._most_maps = most_maps

    def parse(self, text: str) -> Snapshot | None:
        """Return the document, equal to that of `parse_yaml`, or None for another form."""
        if not _is_printable(text):
            return None
        try:
            return self._parse(text)
        except _OtherForm:
            return None

    def parse_records(self, text: str, key: str) -> tuple[str, list[dict[str, object]]] | None:
        """Return a manifest's text without its last list, and this list of flat maps."""
        head, found, body = text.partition(f"\n{key}:\n")
        if not found or not _is_printable(body):
            return None
        try:
            items = _split_items(body.removesuffix("\n"), "\n  - ")
            return f"{head}\n", [_parse_record(item) for item in items]
        except _OtherForm:
            return None

    def _parse(self, text: str) -> Snapshot:
        head, found, body = text.partition(MEASUREMENTS)
        if not found or not body.endswith("\n"):
            raise _OtherForm
        head, _, fingerprint = head.partition(f"\n{FINGERPRINT}:\n")
        top, metadata = self._parse_head(head)
        items = _split_items(body, "\n  - type: ")
        del body
        items[-1] = items[-1][:-1]
        measurements = tuple(map(self._parse_measurement, _take_all(items)))
        dimensions = self._parse_fingerprint(fingerprint) if fingerprint else ()
        return Snapshot(metadata, measurements, top["kind"], top["apiVersion"], dimensions)

    def _parse_head(self, head: str) -> tuple[Mapping[str, str], dict[str, str]]:
        first, found, rest = head.partition("\nmetadata:\n")
        top = _to_texts(first.split("\n"), self._texts)
        if not found or top.keys() != {"kind", "apiVersion"}:
            raise _OtherForm
        metadata = _to_texts(_unindent(rest, 2), self._texts)
        if "source" in metadata:
            raise _OtherForm
        return top, metadata

    def _parse_fingerprint(self, text: str) -> tuple[Subtype, ...]:
        """Return the dimensions, each a name and the lines below it."""
        found: dict[str, Subtype] = {}
        for block in DIMENSION.split(_cut_start(text, "  ")):
            title, _, body = block.partition("\n")
            if not title.endswith(":") or not body:
                raise _OtherForm
            name = _text(title[:-1])
            if name in found:
                raise _OtherForm
            found[name] = Subtype(name, _to_map(_unindent(body, 4), self._data))
        return tuple(found.values())

    def _parse_measurement(self, text: str) -> Measurement:
        name, found, body = text.partition(SUBTYPES)
        if name == '""' or not (found or "\n" not in text):
            raise _OtherForm
        if not found:
            return Measurement(_text(name), ())
        del text
        items = _split_items(body, "\n      - subtype: ")
        del body
        return Measurement(_text(name), tuple(map(self._parse_subtype, _take_all(items))))

    def _parse_subtype(self, text: str) -> Subtype:
        text, found, lines = text.partition(ITEMS)
        items = tuple(self._parse_items(lines)) if found else ()
        rest, found, context = text.partition(CONTEXT)
        texts = _to_texts(_unindent(context, 10), self._texts) if found else {}
        if rest.endswith(NO_DATA):
            return Subtype(_text(rest[: -len(NO_DATA)]), {}, texts, items)
        name, found, lines = rest.partition(DATA)
        if not found:
            if items and "\n" not in name:
                return Subtype(_text(name), {}, texts, items)
            raise _OtherForm
        del text, rest
        return Subtype(_text(name), self._read_map(lines), texts, items)

    def _parse_items(self, text: str) -> Iterator[Item]:
        start = "\n          - "
        for item in _split_items(text, start):
            context, found, data = f"\n            {item}".partition(f"\n            {ITEM_DATA}")
            texts = {}
            if context:
                lines = _cut_start(context, f"\n            {ITEM_CONTEXT}")
                texts = _to_texts(_unindent(lines, 14), self._texts)
            yield Item(texts, _to_map(_unindent(data, 14), self._data) if found else {})

    def _read_map(self, text: str) -> Mapping[str, Scalar]:
        known = self._maps.get(text)
        if known is None:
            known = _to_map(_unindent(text, 10), self._data)
            if len(self._maps) >= self._most_maps:
                self._maps.clear()
            if self._most_maps:
                self._maps[text] = known
        return known


class _Lines(dict):  # type: ignore[type-arg]
    """The pair of each line `key: value` that was read before."""

    def __init__(self, convert: Callable[[str], Scalar], most: int) -> None:
        self.convert = convert
        self.most = most

    def __missing__(self, line: str) -> tuple[str, Scalar]:
        pair: tuple[str, Scalar] | None = _read_simple(line)
        if pair is None:
            key, value = _split(line)
            pair = _text(key), self.convert(value)
        if len(self) >= self.most:
            self.clear()
        if self.most:
            self[line] = pair
        return pair


def _to_map(lines: list[str], known: _Lines) -> dict[str, Scalar]:
    count = len(lines)
    pairs: dict[str, Scalar] = dict(map(known.__getitem__, _take_all(lines)))
    if len(pairs) != count:
        raise _OtherForm
    return pairs


def _to_texts(lines: list[str], known: _Lines) -> dict[str, str]:
    return cast("dict[str, str]", _to_map(lines, known))


def _parse_record(text: str) -> dict[str, object]:
    first, *rest = text.split("\n")
    lines = [_split(line) for line in (first, *_unindent("\n".join(rest), 4))] if rest else []
    # A null is no reading of a document, but it is unset in a manifest.
    pairs: dict[str, object] = {
        _text(key): _reading(value) for key, value in lines if _text(value) is not None
    }
    if not lines or len(pairs) != len(lines):
        raise _OtherForm
    return pairs


def _unindent(text: str, depth: int) -> list[str]:
    """Return the lines without their indentation, which all must have."""
    start = "\n" + " " * depth
    lines = _split_items(text, start)
    if text.count("\n") != len(lines) - 1 or lines[0][:1] == " " or f"{start} " in text:
        raise _OtherForm
    return lines


def _split_items(text: str, start: str) -> list[str]:
    """Return the parts that each begin with `start`, without it; the first has no newline."""
    if not text.startswith(start[1:]):
        raise _OtherForm
    parts = text.split(start)
    parts[0] = parts[0][len(start) - 1 :]
    return parts


def _take_all(items: list[str]) -> Iterator[str]:
    """Yield the items in order, removing each: nothing else keeps it."""
    items.reverse()
    while items:
        yield items.pop()


def _is_printable(text: str) -> bool:
    """Return whether there are no escaped surrogates, and no control characters but newlines."""
    line = text.replace("\n", " ")
    if line.isascii() and "\\u" not in line and "\\U" not in line:
        return line.isprintable()
    return not (SURROGATE_SOURCE.search(line) or UNPRINTABLE.search(line))


def _cut_start(text: str, start: str) -> str:
    if not text.startswith(start):
        raise _OtherForm
    return text[len(start) :]


def _read_simple(line: str) -> tuple[str, str] | None:
    """Return key and text of most lines, None for a line that needs a closer look."""
    match = SIMPLE.fullmatch(line)
    if match is None:
        return None
    key, quoted, plain = match.groups()
    if key in VALUES or plain in VALUES or len(key) > MAX_KEY:
        return None
    return key, plain if quoted is None else quoted


def _split(line: str) -> tuple[str, str]:
    """Return key and value as they are written."""
    quoted = DOUBLE.match(line) or SINGLE.match(line)
    end = quoted.end() if quoted else line.find(": ")
    if not 0 < end <= MAX_KEY or line[end : end + 2] != ": ":
        raise _OtherForm
    return line[:end], line[end + 2 :]


def _text(text: str) -> str:
    """Return what a text field means: plain scalars are their text."""
    value = _unquote(text)
    if value is not None:
        return value
    if _resolve(text) is None or text == "<<":
        raise _OtherForm
    return text


def _reading(text: str) -> Scalar:
    value = _unquote(text)
    return to_scalar(_resolve(text)) if value is None else value


def _unquote(text: str) -> str | None:
    """Return the text in quotes, None for a plain scalar."""
    if text[:1] == '"' and DOUBLE.fullmatch(text):
        return ESCAPE.sub(_unescape, text[1:-1]) if "\\" in text else text[1:-1]
    if text[:1] == "'" and SINGLE.fullmatch(text):
        return text[1:-1].replace("''", "'")
    return None


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else LETTERS.get(match[3], match[3])


def _resolve(text: str) -> object:
    if not text or "\n" in text or SYNTAX.match(text) or SYNTAX_WITHIN.search(text):
        raise _OtherForm
    return resolve(text)
