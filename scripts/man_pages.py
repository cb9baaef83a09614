"""Print the man pages as JSON: one a verb, made from the parsers that also make the help."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from importlib import import_module

from kubectl_snapshot import __version__
from kubectl_snapshot.commands.all_commands import COMMANDS, DEFAULT_COMMAND
from kubectl_snapshot.commands.flags.environment import variable_names
from kubectl_snapshot.commands.flags.parser import CONNECTION, Parser

PROGRAM = "kubectl-snapshot"
CONNECTION_PAGE = f"{PROGRAM}-options"


def render_pages() -> dict[str, str]:
    """Return the pages in roff, by file name; the first one is that of the default verb."""
    pages = {name: PROGRAM if name == DEFAULT_COMMAND else f"{PROGRAM}-{name}" for name in COMMANDS}
    return {
        f"{page}.1": render_page(page, COMMANDS[name][1], build_parser(name))
        for name, page in sorted(pages.items(), key=lambda item: item[1])
    }


def build_parser(name: str) -> Parser:
    parser: Parser = import_module(COMMANDS[name][0]).build_parser()
    return parser


def render_page(page: str, summary: str, parser: Parser) -> str:
    """Return one page in roff (man(7))."""
    lines = [
        f'.TH {page.upper()} 1 "" "kubectl-snapshot {__version__}" "User Commands"',
        *(".nh", ".ad l"),
        *section("NAME", escape(f"{page} - {summary.removesuffix(' (default)')}")),
        *section("SYNOPSIS", *example_block(parser.usage or "")),
        *section("DESCRIPTION", *paragraphs(parser.description or "")),
    ]
    if page == PROGRAM:
        lines += section("COMMANDS", *list_commands())
    for group in parser._action_groups:
        hidden = (argparse.SUPPRESS, "show this help message and exit")
        actions = [action for action in group._group_actions if action.help not in hidden]
        if actions and (group.title != CONNECTION or parser.lists_connection):
            text = paragraphs(group.description or "")
            flags = (line for action in actions for line in describe(parser, action))
            lines += section(str(group.title).upper(), *text, *flags)
    if parser.examples:
        lines += section("EXAMPLES", *example_block(parser.examples.partition("\n")[2]))
    others = {PROGRAM, CONNECTION_PAGE, "kubectl"} - {page}
    lines += section("SEE ALSO", escape(", ".join(f"{name}(1)" for name in sorted(others))))
    return "\n".join(lines) + "\n"


def section(title: str, *lines: str) -> list[str]:
    return [f".SH {title}", *lines]


def paragraphs(text: str) -> Iterator[str]:
    """Yield a text filled anew; a line that begins with a blank keeps its line break."""
    for number, paragraph in enumerate(filter(None, text.strip("\n").split("\n\n"))):
        if number:
            yield ".PP"
        if any(line.startswith(" ") for line in paragraph.splitlines()):
            yield from example_block(paragraph)
        else:
            yield escape(" ".join(paragraph.split()))


def example_block(text: str) -> list[str]:
    lines = [line.strip() if line.strip() else "" for line in text.strip("\n").splitlines()]
    return [".EX", *map(escape, lines), ".EE"]


def list_commands() -> Iterator[str]:
    for name, (_, text) in COMMANDS.items():
        yield from (".TP", rf"\fBkubectl snapshot {escape(name)}\fR", escape(text))


def describe(parser: Parser, action: argparse.Action) -> Iterator[str]:
    """Yield the lines of one flag or argument: as in the help, and its variable."""
    formatter = parser._get_formatter()
    invocation = formatter._format_action_invocation(action).strip()
    yield ".TP"
    yield rf"\fB{escape(invocation)}\fR"
    yield escape(" ".join(formatter._expand_help(action).split()))
    if action.option_strings and variable_names(action):
        yield from (".br", escape(f"Environment: {', '.join(variable_names(action))}"))


def escape(text: str) -> str:
    """Return text that roff prints as it is: hyphens stay ASCII, a first dot is no request."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    json.dump(render_pages(), sys.stdout)
