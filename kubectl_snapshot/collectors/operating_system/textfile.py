"""Read and parse text files: lines and key-value maps (contract section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.constants import MAX_FILE_BYTES, WHITE_SPACE
from kubectl_snapshot.errors import Internal, InvalidRequest, SnapshotError
from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    from kubectl_snapshot.clients.host.hostpath import HostPath

    Text = Union[str, bytes]

_TO_BLANK = str.maketrans(dict.fromkeys(WHITE_SPACE, " "))


class TextRules(NamedTuple):
    """Format of a text file: separators, comments, limits."""

    delimiter: str = "\n"
    max_bytes: int = MAX_FILE_BYTES
    skip_comments: bool = True
    kv_delimiter: str = "="
    default_value: str = ""
    trim_chars: str = ""
    skip_empty_values: bool = False


DEFAULT_RULES = TextRules()


def read_content(host: HostPath, path: str, max_bytes: int = MAX_FILE_BYTES) -> str:
    """Return a text file of the node, not yet parsed.

    Raises InvalidRequest (empty path, too large, not UTF-8) or Internal: the contract has one code
    for every unreadable file. Its status has the kind: absent, unavailable or error.
    """
    try:
        return host.read_text(path, max_bytes)
    except InvalidRequest:
        raise
    except SnapshotError as error:
        failure = Internal(error.what, why=error.why)
        failure.collector_status = error.collector_status
        raise failure from error


def parse_lines(content: Text, rules: TextRules = DEFAULT_RULES) -> list[str]:
    """Return the parts of a text, stripped, without empty ones and comments.

    Raises InvalidRequest where it is not UTF-8 or larger than the rules allow.
    """
    parts = [part.strip(WHITE_SPACE) for part in _decode(content, rules).split(rules.delimiter)]
    return [part for part in parts if part and not (rules.skip_comments and part[0] == "#")]


def parse_map(content: Text, rules: TextRules = DEFAULT_RULES) -> dict[str, str]:
    """Return each line's key and value; the last of equal keys wins. Raises as parse_lines."""
    pairs = {}
    for line in parse_lines(content, rules):
        key, delimiter, value = line.partition(rules.kv_delimiter)
        if delimiter:
            key = key.strip(WHITE_SPACE)
            value = value.strip(WHITE_SPACE).strip(rules.trim_chars)
        else:
            value = rules.default_value
        if value or not rules.skip_empty_values:
            pairs[key] = value
    return pairs


def split_words(line: str) -> list[str]:
    """Return the words of a line, split at Unicode White_Space."""
    return [word for word in line.translate(_TO_BLANK).split(" ") if word]


def find_repeated(entries: Iterable[tuple[str, str]], separator: str) -> dict[str, str]:
    """Return all values of each key that occurs more than once, as `repeated.<key>`."""
    values: dict[str, list[str]] = {}
    for key, value in entries:
        values.setdefault(key, []).append(value)
    return {
        f"repeated.{key}": separator.join(all_) for key, all_ in values.items() if len(all_) > 1
    }


def _decode(content: Text, rules: TextRules) -> str:
    try:
        if isinstance(content, str):
            text, size_bytes = content, len(content.encode())
        else:
            text, size_bytes = content.decode(), len(content)
    except UnicodeError as error:
        raise InvalidRequest("a text file is not UTF-8", why=str(error)) from error
    if size_bytes > rules.max_bytes:
        raise InvalidRequest(f"a text file is larger than {rules.max_bytes} bytes")
    return text
