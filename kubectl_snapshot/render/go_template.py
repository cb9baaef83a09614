"""Templates of Go: how they are told from Jinja2, and what a line of one is in Jinja2. Pure.

The reference's templates are Go's. A line is put into other words as a hint, not as a translation:
what an author meant by the dot is guessed from the name of the field after it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
# `{{ .Kind`, `{{ $x`, `{{/* … */`, `{{ if`, `{{ index $x "y"`. `{{ range .X }}` alone would pass
# for Jinja2, as an attribute of a function.
GO = re.compile(r'[.$]|/\*|(?:if|with|else if)\s+[^=]|\w+\s+[.$"]')
TOKEN = re.compile(r'"(?:\\.|[^"])*"|`[^`]*`|[()|]|[^\s()|]+')

# The fields of the reference's document (contract 4.4), each with the loop variable it is seen in.
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
LOOP_VARIABLES = {"Measurements": "measurement", "Subtypes": "subtype"}
INFIX = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "and"}
INFIX["or"] = "or"


class GoLine(NamedTuple):
    """A line of a template of Go: its number, the line, and what it is in Jinja2."""

    number: int
    text: str
    jinja: str


def find_go(source: str) -> GoLine | None:
    """Return the first line with an action of Go, None if there is none."""
    for number, line in enumerate(source.split("\n"), 1):
        if any(GO.match(action[1]) for action in ACTION.finditer(line)):
            return GoLine(number, line.strip(), port_line(line).strip())
    return None


def port_line(line: str) -> str:
    """Return a line with each of its actions in Jinja2."""
    opened: list[str] = []
    return ACTION.sub(lambda action: _port_action(action[1], opened), line)


def _port_action(body: str, opened: list[str]) -> str:
    word, _, rest = body.partition(" ")
    if body.startswith("/*"):
        return "{# " + body.strip("/* ") + " #}"
    if word == "range":
        opened.append("for")
        return "{% for " + _port_range(rest) + " %}"
    if word in ("if", "with"):
        opened.append("if")
        return "{% if " + _port_condition(rest) + " %}"
    if word == "else":
        condition = rest.partition(" ")[2]
        return "{% elif " + _port_condition(condition) + " %}" if condition else "{% else %}"
    if word == "end":
        return "{% end" + (opened.pop() if opened else "if") + " %}"
    assigned = re.match(r"\$(\w+)\s*:?=\s*(.*)", body)
    if assigned:
        return "{% set " + f"{assigned[1]} = {_port_pipeline(assigned[2])}" + " %}"
    return "{{ " + _port_pipeline(body) + " }}"


def _port_condition(text: str) -> str:
    """Return a condition; a key that is not there is false in Go and an error in Jinja2."""
    ported = _port_pipeline(text)
    looked_up = re.fullmatch(r'([\w.]+)\[("[^"]*")\]', ported)
    return f"{looked_up[2]} in {looked_up[1]}" if looked_up else ported


def _port_range(rest: str) -> str:
    named = re.match(r"\$(\w+)\s*,\s*\$(\w+)\s*:=\s*(.*)", rest)
    if named:
        return f"{named[1]}, {named[2]} in {_port_pipeline(named[3])}.items()"
    field = rest.rpartition(".")[2]
    return f"{LOOP_VARIABLES.get(field, 'item')} in {_port_pipeline(rest)}"


def _port_pipeline(text: str) -> str:
    first, *filters = _split(TOKEN.findall(text), "|")
    ported = _port_command(first)
    for name, *arguments in filter(None, filters):
        ported += f"|{name}" + (f"({', '.join(_port_terms(arguments))})" if arguments else "")
    return ported


def _split(tokens: list[str], separator: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if token == separator and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _port_command(tokens: list[str]) -> str:
    terms = _port_terms(tokens)
    if len(terms) < 2:
        return "".join(terms)
    name, first, *rest = terms
    if name == "index":
        return first + "".join(f"[{key}]" for key in rest)
    if name in INFIX and rest:
        return f" {INFIX[name]} ".join([first, *rest])
    if name == "not":
        return f"not {first}"
    if name == "len":
        return f"{first}|length"
    if name == "printf":
        return f"{first}|format({', '.join(rest)})"
    if name == "default" and rest:
        return f"{rest[-1]}|default({first})"
    return f"{name}({', '.join([first, *rest])})"


def _port_terms(tokens: list[str]) -> list[str]:
    """Return the words of a command, a text in parentheses and what follows it as one."""
    terms: list[str] = []
    while tokens:
        token, *tokens = tokens
        if token == "(":
            inner = _split(["(", *tokens], ")")[0][1:]
            tokens = tokens[len(inner) + 1 :]
            ported = _port_pipeline(" ".join(inner))
            if tokens and tokens[0].startswith("."):
                ported += _without_text(tokens.pop(0))
            elif re.search(r" (?:==|!=|<|>|<=|>=|and|or) ", ported):
                ported = f"({ported})"
            terms.append(ported)
        else:
            terms.append(_port_term(token))
    return terms


def _port_term(token: str) -> str:
    if token in (".", "$"):
        return "item" if token == "." else "snapshot"
    if token.startswith("`"):
        return f'"{token[1:-1]}"'
    if token.startswith("$."):
        token = token[1:]
    if token.startswith("."):
        first, _, rest = token[1:].partition(".")
        if first == "String":
            return "item"
        return FIELDS.get(first, f"item.{first}") + _without_text(f".{rest}" if rest else "")
    return _without_text(token[1:]) if token.startswith("$") else token


def _without_text(token: str) -> str:
    """Return a field without `.String`: in Jinja2 a value is printed as it is."""
    return token[: -len(".String")] if token.endswith(".String") else token
