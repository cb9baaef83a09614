"""Redact the credentials in one reading: a text, a list or a map. Pure.

`redact` returns the redacted value of a secret; document/redaction/detector finds secrets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.detector import replace_credentials, replace_shapes
from kubectl_snapshot.document.redaction.names import NAMED, NONE, judge_name
from kubectl_snapshot.document.scalars import NestedText, text_of
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.document.snapshot import Scalar

    Redact = Callable[[str], str]

_FLAG = compile_late(r"(?as)--?[A-Za-z][\w.-]*(?:=.*)?")
# `=` at the end of a text is the padding of base64.
_ASSIGNMENT = compile_late(r"(?as)(-*[\w.-]+)=(?!=*$)(.*)")
# A login needs no scheme here: `svc:x@proxy.corp`.
_PROXY = "proxy"
_PAIR_NAMES = ("name", "key", "env", "variable", "Name", "Key")


def redact_value(value: Scalar, name: str, redact: Redact) -> Scalar:
    """Return a reading of this name, which may be empty, with its credentials redacted.

    The elements of a NestedText are searched one by one: there a credential may contain blanks.
    """
    source = value.source if isinstance(value, NestedText) else value
    redacted = _redact_tree(source, name, redact)
    return redacted if isinstance(redacted, (str, int, float)) else text_of(redacted)


def _redact_tree(value: object, name: str, redact: Redact) -> object:
    if isinstance(value, str):
        return _redact_text(value, name, redact)
    if isinstance(value, dict):
        return {
            replace_shapes(str(key), redact): _redact_tree(
                item, _name_in_map(value, str(key), name), redact
            )
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return _redact_list(value, name, redact)
    text = text_of(value)
    return redact(text) if _is_secret(text, judge_name(name)) else value


def _name_in_map(values: Mapping[str, object], key: str, name: str) -> str:
    """Return the name of a map's entry; Kubernetes writes variables as `name: …, value: …`."""
    if key.lower() == "value":
        for pair_name in _PAIR_NAMES:
            own_name = values.get(pair_name)
            if isinstance(own_name, str):
                return own_name
    return f"{name}.{key}"


def _redact_list(items: Sequence[object], name: str, redact: Redact) -> list[object]:
    """Return the redacted elements, which may be arguments: `--token`, `x` or `TOKEN=x`."""
    from kubectl_snapshot.document.redaction.programs import find_in_words

    words = [item if isinstance(item, str) else "" for item in items]
    in_command = find_in_words(words)
    redacted: list[object] = []
    flag = ""
    for index, item in enumerate(items):
        is_flag = _FLAG.fullmatch(words[index]) is not None
        if index in in_command:
            left, right = in_command[index]
            word = words[index]
            redacted.append(word[:left] + redact(word[left:right]) + word[right:])
        elif judge_name(name) != NONE and not is_flag:
            redacted.append(_redact_tree(item, name, redact))
        elif judge_name(flag) != NONE and not is_flag and isinstance(item, str):
            redacted.append(_redact_text(item, flag, redact))
        else:
            redacted.append(_redact_word(item, redact))
        flag = words[index] if is_flag and "=" not in words[index] else ""
    return redacted


def _redact_word(item: object, redact: Redact) -> object:
    assignment = _ASSIGNMENT.fullmatch(item) if isinstance(item, str) else None
    if not assignment:
        return _redact_tree(item, "", redact)
    value = _redact_text(assignment[2], assignment[1], redact)
    return f"{replace_credentials(assignment[1], redact)}={value}"


def _redact_text(text: str, name: str, redact: Redact) -> str:
    if text[:1] == "[" and judge_name(name) != NONE:
        items = _parse_list(text)
        if items is not None:
            from kubectl_snapshot.document.codec.json_codec import render_compact

            redacted = _redact_list(items, name, redact)
            return text if redacted == items else render_compact(redacted)
    level = judge_name(name)
    if _is_secret(text, level) and not (level < NAMED and _is_structured(text)):
        return redact(text)
    if "@" in text and name.lower().endswith(_PROXY):
        return replace_credentials(f"{_PROXY}={text}", redact)[len(_PROXY) + 1 :]
    return replace_credentials(text, redact)


def _is_secret(text: str, level: int) -> bool:
    if level == NONE:
        return False
    from kubectl_snapshot.document.redaction.opacity import is_secret

    return is_secret(text, level)


def _parse_list(text: str) -> list[object] | None:
    """Return a list that a collector wrote as JSON; None if the text is none."""
    import json  # late: 3 ms, and few nodes have such a list

    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return items if isinstance(items, list) else None


def _is_structured(text: str) -> bool:
    """Return whether a text is a file with names of its own, such as `credentials: [default]…`."""
    lines = text.strip().splitlines()
    if len(lines) > 1:
        return all(re.match(r"\s*(?:[#;\[]|$|[\w .\"'-]+[=:])", line) for line in lines)
    return text[:1] == "{" and text.rstrip()[-1:] == "}" and '"' in text
