"""Detect Go templates, which the reference uses, and suggest a line in Jinja2. Pure.

The suggestion is a hint, not a translation: the meaning of the dot is guessed from its field.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ACTION = re.compile(r"\{\{-?([^{}]*?)-?\}\}")
# `{{ .Kind`, `{{ $x`, `{{/* … */`, `{{ if`, `{{ index $x "y"`. `{{ range .X }}` alone would pass
# for Jinja2, as an attribute of a function.
GO = re.compile(r'[.$]|/\*|(?:if|with|else if)\s+[^=]|\w+\s+[.$"]')

# The fields of the reference's document (contract 4.4) with their Jinja2 expressions.
FIELDS = {
    "Kind": "snapshot.kind",
    "APIVersion": "snapshot.api_version",
    "Metadata": "snapshot.metadata",
    "Measurements": "snapshot.measurements",
    "Type": "measurement.type",
    "Subtypes": "measurement.subtypes",
    "Name": "subtype.name",
    "Data": "subtype.data",
    "Context": "subtype.context",
}
TERM = r'([\w.\[\]"-]+)'
# Applied one after the other.
EXPRESSIONS = (
    (r"(?<!\S)\.(?!\S)", "item"),
    (r"(?<![\w\])])\.(\w+)", lambda m: FIELDS.get(m[1], "item" if m[1] == "String" else m[0])),
    (r"\$(?=\w)", ""),
    (r"\.String\b", ""),
    (rf'\(?\bindex {TERM} ("[^"]*")\)?(\.String\b)?', r"\1[\2]"),
    (rf"\(?\beq {TERM} {TERM}\)?", r"\1 == \2"),
    (rf"\(?\bne {TERM} {TERM}\)?", r"\1 != \2"),
    (rf"\blen {TERM}", r"\1|length"),
    (rf"\bdefault {TERM} {TERM}", r"\2|default(\1)"),
    (rf"\s*\| (\w+)((?: {TERM})*)", lambda m: f"|{m[1]}" + _arguments(m[2])),
)
STATEMENTS = (
    (r"/\*\s*(.*?)\s*\*/", r"{# \1 #}"),
    (r"range (\w+), (\w+) := (.*)", r"{% for \1, \2 in \3.items() %}"),
    (r"range (snapshot\.measurement)s", r"{% for measurement in \1s %}"),
    (r"range (measurement\.subtype)s", r"{% for subtype in \1s %}"),
    (r"range (.*)", r"{% for item in \1 %}"),
    # A missing key is false in Go and an error in Jinja2.
    (r'(?:if|with) (\S+)\[("[^"]*")\]', r"{% if \2 in \1 %}"),
    (r"(?:if|with) (.*)", r"{% if \1 %}"),
    (r"else if (.*)", r"{% elif \1 %}"),
    (r"else", "{% else %}"),
    (r"(\w+) :?= (.*)", r"{% set \1 = \2 %}"),
)


class GoLine(NamedTuple):
    """A line of a Go template and its Jinja2; `closing` ends the blocks that it leaves open."""

    number: int
    text: str
    jinja: str
    closing: str


def find_go(source: str) -> GoLine | None:
    """Return the first line with a Go action, None if there is none."""
    for number, line in enumerate(source.split("\n"), 1):
        if any(GO.match(action[1].strip()) for action in ACTION.finditer(line)):
            return GoLine(number, line.strip(), *port_line(line.strip()))
    return None


def port_line(line: str) -> tuple[str, str]:
    """Return a line in Jinja2, and the statements that close its open blocks."""
    opened: list[str] = []

    def port(action: re.Match[str]) -> str:
        body = action[1].strip()
        if body == "end":
            return "{% end" + (opened.pop() if opened else "if") + " %}"
        if not body.startswith("/*"):
            for pattern, replacement in EXPRESSIONS:
                body = re.sub(pattern, replacement, body)
        for pattern, replacement in STATEMENTS:
            if re.fullmatch(pattern, body):
                body = re.sub(pattern, replacement, body)
                opened.extend(re.findall(r"^\{% (for|if) ", body))
                return body
        return "{{ " + body + " }}"

    ported = ACTION.sub(port, line)
    return ported, "".join("{% end" + block + " %}" for block in reversed(opened))


def _arguments(words: str) -> str:
    return f"({', '.join(words.split())})" if words else ""
