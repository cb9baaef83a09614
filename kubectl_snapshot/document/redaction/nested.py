"""Redact the credentials in one reading: a text, a list or a map, also as JSON or YAML. Pure.

`redact` returns the redacted value of a secret; document/redaction/detector finds secrets.
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

    Redact = Callable[[str], str]

# PyYAML needs seconds for a megabyte, and hundreds of applications have values. It parses only the
# top-level keys that have a credential's name in or below them; longer ones are searched as text.
MAX_YAML_CHARACTERS = 100_000
_SECTION = r"(?m)^(?=[\w\"'])"

_WORD = r"(?a)[\w.-]+"
_FLAG = r"(?as)--?[A-Za-z][\w.-]*(?:=.*)?"
# `=` at the end of a text is the padding of base64.
_ASSIGNMENT = r"(?as)(-*[\w.-]+)=(?!=*$)(.*)"


def redact_value(value: Scalar, name: str, redact: Redact) -> Scalar:
    """Return a reading of this name, which may be empty, with its credentials redacted.

    Lists and maps (NestedText, JSON, YAML) are searched element by element: there a credential may
    contain blanks.
    """
    if isinstance(value, NestedText):
        return text_of(_redact_tree(value.source, name, redact))
    redacted = _redact_tree(value, name, redact)
    return redacted if isinstance(redacted, (str, int, float)) else text_of(redacted)


def _redact_tree(value: object, name: str, redact: Redact) -> object:
    if isinstance(value, str):
        return _redact_text(value, name, redact)
    if isinstance(value, dict):
        return {
            key: _redact_tree(item, _name_in_map(value, str(key), name), redact)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return _redact_list(value, name, redact)
    text = text_of(value)
    return redact(text) if names_credential(name) and not is_harmless(text) else value


def _name_in_map(values: Mapping[str, object], key: str, name: str) -> str:
    """Return the name of a map's entry; Kubernetes writes variables as `name: …, value: …`."""
    own_name = values.get("name")
    if key == "value" and isinstance(own_name, str):
        return own_name
    return f"{name}.{key}"


def _redact_list(items: Iterable[object], name: str, redact: Redact) -> list[object]:
    """Return the redacted elements, which may be arguments: `--token`, `x` or `TOKEN=x`."""
    redacted: list[object] = []
    flag = ""
    for item in items:
        is_flag = isinstance(item, str) and re.fullmatch(_FLAG, item) is not None
        assignment = re.fullmatch(_ASSIGNMENT, item) if isinstance(item, str) else None
        if names_credential(name):
            redacted.append(_redact_tree(item, name, redact))
        elif names_credential(flag) and not is_flag:
            redacted.append(_redact_tree(item, flag, redact))
        elif assignment:
            value = _redact_text(assignment[2], assignment[1], redact)
            redacted.append(f"{replace_credentials(assignment[1], redact)}={value}")
        else:
            redacted.append(_redact_tree(item, "", redact))
        flag = str(item) if is_flag else ""
    return redacted


def _redact_text(text: str, name: str, redact: Redact) -> str:
    if names_credential(name):
        return text if is_harmless(text) else redact(text)
    if not may_hold_credential(text):
        return text
    if text[:1] in ("[", "{"):
        redacted = _redact_json(text, redact)
        if redacted is not None:
            return redacted
    if "\n" in text and ":" in text:
        text = "".join(_redact_section(section, redact) for section in re.split(_SECTION, text))
    return replace_credentials(text, redact)


def _redact_json(text: str, redact: Redact) -> str | None:
    """Return a JSON text with its credentials redacted, None where it is not JSON."""
    from kubectl_snapshot.document.codec.json_codec import load_json, render_compact

    try:
        tree = load_json(text)
        redacted = _redact_tree(tree, "", redact)
        return text if redacted == tree else render_compact(redacted)
    except (InvalidRequest, RecursionError):
        return None


def _redact_section(text: str, redact: Redact) -> str:
    if len(text) > MAX_YAML_CHARACTERS or not may_hold_credential(text):
        return text
    is_named = any(map(names_credential, re.findall(_WORD, text)))
    return _redact_yaml(text, redact) if is_named else text


def _redact_yaml(text: str, redact: Redact) -> str:
    """Return a YAML text with the values redacted whose keys name a credential."""
    from kubectl_snapshot.document.codec.yaml_codec import LocatedText, locate_scalars

    found: dict[int, tuple[int, str]] = {}

    def record(secret: str) -> str:
        # Only whole scalars have a position; a part of one is found again in the text.
        if isinstance(secret, LocatedText):
            found[secret.start] = secret.end, redact(str(secret))
        return str(secret)

    try:
        for tree in locate_scalars(text):
            _redact_tree(tree, "", record)
    except (InvalidRequest, RecursionError):
        return text
    pieces = []
    position = 0
    for start, (end, redacted) in sorted(found.items()):
        pieces += [text[position:start], redacted]
        position = end
    return "".join((*pieces, text[position:]))
