"""Candidates for a PATH: from the snapshot that the command line names, one level at a time.

As in every verb, only the first measurement of a type counts.
YAML is scanned line by line for its keys: completion may not import a YAML parser.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# A larger file takes longer than anyone waits for a TAB.
MAX_BYTES = 16 * 1024 * 1024
METADATA = "metadata"
# A line of a block map: indentation, `- ` of a list's item, the key in one of three forms, value.
LINE = re.compile(
    r"""( *)(- )?(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s'"#][^:]*(?::\S[^:]*)*)):(?: (.*))?"""
)


def find_paths(prefix: str, sources: Sequence[str]) -> list[str]:
    """Return the types, then the subtypes, then the keys that begin with a prefix."""
    found = {name: keys for source in sources for name, keys in read_subtypes(source).items()}
    return complete_path(prefix, found)


def find_groups(prefix: str, directories: Sequence[str]) -> list[str]:
    """Return what groups the nodes of a fleet: labels, and paths of its first node's readings."""
    found: list[str] = []
    for directory in directories:
        found += read_label_keys(os.path.join(directory, "cluster.yaml"))
        nodes = os.path.join(directory, "nodes")
        files = sorted(os.listdir(nodes))[:1] if os.path.isdir(nodes) else []
        found += find_paths(prefix, [os.path.join(nodes, name) for name in files])
    paths = (name for name in dict.fromkeys(found) if not name.startswith(METADATA))
    return [name for name in paths if name.startswith(prefix)]


def read_label_keys(source: str) -> list[str]:
    """Return the keys of NodeTopology.label; with several values, each is `KEY.VALUE` there."""
    from kubectl_snapshot.document.rules.node_groups import read_labels
    from kubectl_snapshot.document.snapshot import Subtype

    lines = _iter_lines(_read_text(source))
    lines = itertools.dropwhile(lambda line: line[2:] != ("subtype", "label"), lines)
    next(lines, None)
    listed = itertools.takewhile(lambda line: not line[1], lines)
    data = {key: value for _, _, key, value in listed if "|" in value}
    return sorted({label.key for label in read_labels(Subtype("label", data))})


def complete_path(prefix: str, subtypes: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the candidates for a path; those that end in a dot are not complete."""
    named = [name for name in subtypes if prefix.startswith(f"{name}.")]
    if named:
        name = max(named, key=len)
        keys = [f"{name}.{key}" for key in subtypes[name]]
        below = [f"{other}." for other in subtypes if other.startswith(prefix)]
        return [path for path in (*keys, *below) if path.startswith(prefix)]
    if "." in prefix:
        return [f"{name}." for name in subtypes if name.startswith(prefix)]
    types = dict.fromkeys(f"{name.partition('.')[0]}." for name in subtypes)
    return [type_ for type_ in types if type_.startswith(prefix)]


def read_subtypes(source: str) -> dict[str, list[str]]:
    """Return the keys of each `Type.Subtype` in a file; none if it cannot be read."""
    text = _read_text(source)
    return scan_json(text) if text.lstrip().startswith("{") else scan_yaml(text)


def _read_text(source: str) -> str:
    """Return a file's text, empty if it is too large or cannot be read."""
    try:
        with open(source, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError:
        return ""
    return content.decode(errors="replace") if len(content) <= MAX_BYTES else ""


def scan_json(text: str) -> dict[str, list[str]]:
    """Return the keys of each `Type.Subtype` of a document in JSON; none if it is no document."""
    try:
        document = json.loads(text)
        found = {METADATA: list(document.get(METADATA) or ())}
        first: dict[str, Any] = {}
        for measurement in document["measurements"]:
            first.setdefault(measurement["type"], measurement)
        for type_, measurement in first.items():
            for subtype in measurement.get("subtypes") or ():
                found.setdefault(f"{type_}.{subtype['subtype']}", list(subtype["data"]))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}
    return found


def scan_yaml(text: str) -> dict[str, list[str]]:
    """Return the keys of each `Type.Subtype` of a document in YAML's block style."""
    found: dict[str, list[str]] = {}
    types: set[str] = set()
    type_, name, keys = "", "", []
    block, block_indent, key_indent = "", -1, -1
    for indent, is_item, key, value in _iter_lines(text):
        if block and indent > block_indent:
            key_indent = indent if key_indent < 0 else key_indent
            if indent == key_indent and block == METADATA:
                found.setdefault(METADATA, []).append(key)
            elif indent == key_indent and block == "data":
                keys.append(key)
            continue
        block = ""
        if is_item or key == "type":
            _add(found, type_, name, keys)
            name, keys = "", []
        if key == "type":
            type_ = "" if value in types else value
            types.add(value)
        elif key == "subtype":
            name = value
        elif key in ("data", "context", METADATA):
            block, block_indent, key_indent = key, indent, -1
    _add(found, type_, name, keys)
    return found


def _add(found: dict[str, list[str]], type_: str, name: str, keys: list[str]) -> None:
    if type_ and name:
        found.setdefault(f"{type_}.{name}", keys)


def _iter_lines(text: str) -> Iterator[tuple[int, bool, str, str]]:
    for line in text.split("\n"):
        match = LINE.fullmatch(line)
        if match:
            spaces, dash, double, single, plain, value = match.groups()
            key = _unquote(double) if double is not None else single or plain or ""
            yield len(spaces) + len(dash or ""), bool(dash), key, (value or "").strip(" \"'")


def _unquote(text: str) -> str:
    try:
        unquoted: Any = json.loads(f'"{text}"')
    except ValueError:
        return text
    return str(unquoted)
