"""Change single values of a YAML file and leave every other byte of it as it is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.files.localfile import encoding_of, parse_yaml
from kubectl_snapshot.clients.files.outputfile import replace_file
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    # Keys of maps; a pair stands for the first entry of a list that has this key and value.
    Step = Union[str, tuple[str, str]]
    Path = tuple[Step, ...]


class NotEditable(Exception):
    """The file's form does not let the values be replaced one by one."""


def replace_in_file(path: str, changes: Mapping[Path, tuple[str, str]]) -> bool:
    """Replace values (old, new) in a YAML file; return whether the file was written.

    A value that is no longer the old one stays, as another program wrote it; "" is also the value
    of a key that is missing, which is added. The file keeps mode
    and owner, and is replaced at once: after a crash the old file is there. Raises OSError and
    NotEditable, and has changed nothing then.
    """
    with open(path, "rb") as file:
        content = file.read()
        status = os.fstat(file.fileno())
    codec = encoding_of(content)
    try:
        before = content.decode(codec)
        after = replace_values(before, changes)
    except UnicodeDecodeError as error:
        raise NotEditable("it is neither UTF-8 nor UTF-16") from error
    if after == before:
        return False
    replace_file(path, after.encode(codec), status)
    return True


def replace_values(text: str, changes: Mapping[Path, tuple[str, str]]) -> str:
    """Return a YAML text with values replaced; raises NotEditable where that changes others."""
    import yaml

    expected = _parse(text)
    try:
        root = yaml.compose(_first_document(text), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise NotEditable("it is not plain YAML") from error
    places = []
    newline = "\r\n" if "\r\n" in text else "\n"
    for path, (old, new) in changes.items():
        holder, key = _find_value(expected, path[:-1]), path[-1]
        if holder is None or holder.get(key, "") != old:
            continue
        place = _place(_find_node(root, path[:-1]), str(key), new, newline)
        if place is not None:
            holder[key] = new
            places.append(place)
    edited = text
    for start, end, value in sorted(places, reverse=True):
        edited = edited[:start] + value + edited[end:]
    if _parse(edited) != expected:
        raise NotEditable("one of its values is used in several places")
    return edited


def _place(holder: Any, key: str, new: str, newline: str) -> tuple[int, int, str] | None:
    """Return start, end and text of an edit that gives a map's key a value; None if it cannot."""
    pairs = holder.value if holder is not None and holder.id == "mapping" else ()
    node = next((value for name, value in pairs if name.value == key), None)
    if node is None:
        pair = f"{json.dumps(key)}: {json.dumps(new)}"
        return _insertion(holder, pair, newline) if pairs else None
    if node.id != "scalar":
        return None
    ending = newline if node.style in ("|", ">") else ""
    return node.start_mark.index, node.end_mark.index, json.dumps(new) + ending


def _insertion(holder: Any, pair: str, newline: str) -> tuple[int, int, str]:
    """Return the edit that puts a pair before the first one of a map."""
    first = holder.value[0][0].start_mark
    separator = ", " if holder.flow_style else newline + " " * first.column
    return first.index, first.index, pair + separator


def _parse(text: str) -> Any:
    """Return the first document, without values that several places share."""
    try:
        return json.loads(json.dumps(parse_yaml(text, "the file"), default=str))
    except (SnapshotError, ValueError, TypeError) as error:
        raise NotEditable("it is not plain YAML") from error


def _first_document(text: str) -> str:
    """Return the text without further documents, which yaml.compose refuses."""
    import yaml

    loader: Any = yaml.SafeLoader(text)
    try:
        for event in iter(loader.get_event, None):
            if isinstance(event, yaml.DocumentEndEvent):
                return text[: event.start_mark.index]
    finally:
        loader.dispose()
    return text


def _find_node(node: Any, path: Path) -> Any:
    for step in path:
        pairs = node.value if node is not None and node.id == "mapping" else ()
        if isinstance(step, str):
            node = next((value for key, value in pairs if key.value == step), None)
            continue
        entries = node.value if node is not None and node.id == "sequence" else ()
        node = next((entry for entry in entries if _has_pair(entry, *step)), None)
    return node


def _has_pair(entry: Any, key: str, value: str) -> bool:
    pairs = entry.value if entry.id == "mapping" else ()
    return any(has.value == key and found.value == value for has, found in pairs)


def _find_value(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
            continue
        entries = value if isinstance(value, list) else ()
        key, wanted = step
        matching = (e for e in entries if isinstance(e, dict) and e.get(key) == wanted)
        value = next(matching, None)
    return value if isinstance(value, dict) else None
