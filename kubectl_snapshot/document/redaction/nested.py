"""One reading with its credentials hidden: a text, or a list or map in any of its forms. Pure.

What is written instead comes from `hide`; what is looked for is document/redaction/detector' part.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.detector import (
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

# PyYAML needs seconds for a megabyte, and hundreds of applications have values. It is given only
# the keys at the left margin that have a credential's name in or below them; what is longer is
# searched as text alone.
MAX_YAML_CHARACTERS = 100_000
_SECTION = r"(?m)^(?=[\w\"'])"

_WORD = r"(?a)[\w.-]+"
_FLAG = r"(?as)--?[A-Za-z][\w.-]*(?:=.*)?"
# `=` at the end of a text is the padding of base64.
_ASSIGNMENT = r"(?as)(-*[\w.-]+)=(?!=*$)(.*)"


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
        is_flag = isinstance(item, str) and re.fullmatch(_FLAG, item) is not None
        assignment = re.fullmatch(_ASSIGNMENT, item) if isinstance(item, str) else None
        if names_credential(name):
            hidden.append(_hide_in_tree(item, name, hide))
        elif names_credential(flag) and not is_flag:
            hidden.append(_hide_in_tree(item, flag, hide))
        elif assignment:
            value = _hide_in_text(assignment[2], assignment[1], hide)
            hidden.append(f"{replace_credentials(assignment[1], hide)}={value}")
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
        hidden = _hide_in_json(text, hide)
        if hidden is not None:
            return hidden
    if "\n" in text and ":" in text:
        text = "".join(_hide_in_section(section, hide) for section in re.split(_SECTION, text))
    return replace_credentials(text, hide)


def _hide_in_json(text: str, hide: Hide) -> str | None:
    """Return a JSON text with its credentials hidden, None where it is not JSON."""
    from kubectl_snapshot.document.codec.json_codec import load_json, render_compact

    try:
        tree = load_json(text)
        hidden = _hide_in_tree(tree, "", hide)
        return text if hidden == tree else render_compact(hidden)
    except (InvalidRequest, RecursionError):
        return None


def _hide_in_section(text: str, hide: Hide) -> str:
    if len(text) > MAX_YAML_CHARACTERS or not may_hold_credential(text):
        return text
    is_named = any(map(names_credential, re.findall(_WORD, text)))
    return _hide_in_yaml(text, hide) if is_named else text


def _hide_in_yaml(text: str, hide: Hide) -> str:
    """Return a text with the values hidden that YAML's maps and lists give a credential's name."""
    from kubectl_snapshot.document.codec.yaml_codec import LocatedText, locate_scalars

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
