"""Find credentials in lines that have one name and one word: most lines of YAML and JSON. Pure.

Such a line takes a quarter of the time of a search for everything that a line may have
(assignments.py), with the same result.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.assignments import PAIR_NAMES
from kubectl_snapshot.document.redaction.names import NONE, judge_name
from kubectl_snapshot.document.redaction.opacity import is_secret
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable

    Span = tuple[int, int]

# `name: value`, `- name: value`, `"name": "value",`; nothing in it has a name or format of its own.
_LINE = compile_late(
    r"([ \t]{0,128}(?:- )?)(?P<quote>[\"']?)([\w.-]{1,256})(?P=quote):[ \t]+"
    r"(?:\"([\w./@+~-]+)\",?|([\w./@+~][\w./@+~-]*))[ \t]*(?=\n|\Z)",
    re.ASCII,
)
# A line below that is further to the right belongs to the value.
_NEXT_LINE = compile_late(r"(?:\n( *)[^ \n\t\r])?")


def find_in_lines(text: str, places: Iterable[int]) -> tuple[list[Span], list[int]]:
    """Return the credentials around these places, in order, and the places that need more."""
    found: list[Span] = []
    rest = []
    line_end = -1
    for at in places:
        if at < line_end:
            continue  # a line that was just read
        line = _LINE.match(text, text.rfind("\n", 0, at) + 1)
        if line is None or not _is_whole(text, line):
            rest.append(at)
            continue
        line_end = line.end()
        level = judge_name(line[3])
        group = 4 if line[4] else 5
        if level != NONE and is_secret(line[group], level):
            found.append(line.span(group))
    return found, rest


def _is_whole(text: str, line: re.Match[str]) -> bool:
    """Return whether neither other lines nor other rules have a say in what a line's value is."""
    name = line[3].lower()
    if name in PAIR_NAMES or name.endswith("credentials") or line[0].endswith("munge.key"):
        return False
    if line[4]:
        return True
    below = _NEXT_LINE.match(text, line.end())
    indent = below[1] if below else None
    if indent is None:
        return line.end() == len(text)
    return len(indent) <= len(line[1]) + len(line["quote"])
