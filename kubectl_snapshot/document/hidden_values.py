"""One reading with its credentials hidden: a text, or a list or map in any of its forms. Pure.

What is written instead comes from `hide`; what is looked for is document/credentials' part.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.credentials import (
    is_harmless,
    may_hold_credential,
    names_credential,
    replace_credentials,
)
from kubectl_snapshot.document.scalars import NestedText, text_of
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kubectl_snapshot.document.snapshot import Scalar

    Hide = Callable[[str], str]

# PyYAML reads a megabyte a second; a longer text is searched as text alone.
MAX_YAML_CHARACTERS = 200_000

_ASSIGNMENT = r"(?as)(-*[\w.-]+)=(.*)"


def hide_in_value(value: Scalar, name: str, hide: Hide) -> Scalar:
    """Return a reading of this name, which may be empty, with its credentials hidden.

    Lists and maps, be they a NestedText, JSON or YAML, are looked at element by element: there a
    credential may have blanks in it.
    """
    if isinstance(value, NestedText):
        return text_of(_hide_in_tree(value.source, name, hide))
    hidden = _hide_in_tree(value, name, hide)
    return hidden if isinstance(hidden, (str, int, float)) else text_of(hidden)


def _hide_in_tree(value: object, name: str, hide: Hide) -> object:
    if isinstance(value, str):
        return _hide_in_text(value, name, hide)
    if isinstance(value, dict):
        return {
            key: _hide_in_tree(item, _name_in_map(value, str(key), name), hide)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return _hide_in_list(value, name, hide)
    text = text_of(value)
    return hide(text) if names_credential(name) and not is_harmless(text) else value


def _name_in_map(values: Mapping[str, object], key: str, name: str) -> str:
    """Return the name of a map's entry; Kubernetes writes variables as `name: …, value: …`."""
    own_name = values.get("name")
    if key == "value" and isinstance(own_name, str):
        return own_name
    return f"{name}.{key}"


def _hide_in_list(items: Iterable[object], name: str, hide: Hide) -> list[object]:
    """Return the elements, which may be words of a command line: `--token`, `x` or `TOKEN=x`."""
    hidden: list[object] = []
    flag = ""
    for item in items:
        is_flag = isinstance(item, str) and item.startswith("-")
        assignment = re.fullmatch(_ASSIGNMENT, item) if isinstance(item, str) else None
        if names_credential(name):
            hidden.append(_hide_in_tree(item, name, hide))
        elif names_credential(flag) and not is_flag:
            hidden.append(_hide_in_tree(item, flag, hide))
        elif assignment:
            value = _hide_in_text(assignment[2], assignment[1], hide)
            hidden.append(f"{assignment[1]}={value}")
        else:
            hidden.append(_hide_in_tree(item, "", hide))
        flag = str(item) if is_flag else ""
    return hidden


def _hide_in_text(text: str, name: str, hide: Hide) -> str:
    if names_credential(name):
        return text if is_harmless(text) else hide(text)
    if not may_hold_credential(text):
        return text
    if text[:1] in ("[", "{"):
        text = _hide_in_json(text, hide)
    if "\n" in text and len(text) <= MAX_YAML_CHARACTERS:
        text = _hide_in_yaml(text, hide)
    return replace_credentials(text, hide)


def _hide_in_json(text: str, hide: Hide) -> str:
    from kubectl_snapshot.document.codec_json import load_json, render_compact

    try:
        tree = load_json(text)
        hidden = _hide_in_tree(tree, "", hide)
        return text if hidden == tree else render_compact(hidden)
    except (InvalidRequest, RecursionError):
        return text


def _hide_in_yaml(text: str, hide: Hide) -> str:
    """Return a text with the values hidden that YAML's maps and lists give a credential's name."""
    from kubectl_snapshot.document.codec_yaml import LocatedText, locate_scalars

    found: dict[int, tuple[int, str]] = {}

    def note(secret: str) -> str:
        # Only whole scalars have a place; a part of one is found again in the text.
        if isinstance(secret, LocatedText):
            found[secret.start] = secret.end, hide(str(secret))
        return str(secret)

    try:
        for tree in locate_scalars(text):
            _hide_in_tree(tree, "", note)
    except (InvalidRequest, RecursionError):
        return text
    pieces = []
    position = 0
    for start, (end, token) in sorted(found.items()):
        pieces += [text[position:start], token]
        position = end
    return "".join((*pieces, text[position:]))
