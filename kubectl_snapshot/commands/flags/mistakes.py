"""Explain mistyped command lines: the error and the command or flag that was meant.

Imported only when a command line is wrong.
"""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from typing import TYPE_CHECKING

from kubectl_snapshot.commands.all_commands import COMMANDS, HELP
from kubectl_snapshot.commands.flags.misread import list_flags, render_with_value
from kubectl_snapshot.constants import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.job.selectors import NODE_NAME
from kubectl_snapshot.suggest import find_closest, suggest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.commands.flags.parser import Parser

PROGRAM = "kubectl snapshot"
SEE_HELP = f"see `{PROGRAM} --help`"
# Words of kubectl and of other programs, and our command for the same.
SYNONYMS = {
    **dict.fromkeys(("assert", "lint", "test", "validate", "verify"), "check"),
    **dict.fromkeys(("cmp", "compare", "drift"), "diff"),
    **dict.fromkeys(("cat", "describe", "get", "inspect", "print", "show", "view"), "query"),
    **dict.fromkeys(("clean", "delete", "purge", "remove", "rm", "uninstall"), "cleanup"),
    **dict.fromkeys(("apply", "create", "new", "run", "save", "start", "take"), "capture"),
    **dict.fromkeys(("html", "render"), "report"),
    **dict.fromkeys(("can-i", "doctor", "permissions"), "preflight"),
    "list": "cleanup --dry-run",
    "ls": "cleanup --dry-run",
    "local": "--local",
}
# Flags of kubectl and their equivalents.
FLAG_SYNONYMS = {"-l": "--node-selector", "--label": "--node-selector", "-w": "--timeout"}
NODE_WORDS = ("node", "nodes", "no")
FILE = re.compile(rf".*\.(?:ya?ml|json|html?|txt|table)|.*/.*|@live|{CONFIGMAP_SCHEME}.*", re.I)


def explain_command(words: Sequence[str]) -> InvalidRequest:
    """Return the error for a command line whose first word is no command."""
    word, rest = words[0], words[1:]
    return InvalidRequest(
        f'unknown command "{word}"',
        why=f"commands: {', '.join(COMMANDS)}",
        hint=_suggest_command(word, rest),
    )


def explain_arguments(
    parser: Parser, arguments: Sequence[str], unknown: Sequence[str], args: argparse.Namespace
) -> InvalidRequest:
    """Return the error for the flags that a parser does not know, or for too many arguments."""
    positional = [word for word in unknown if not word.startswith("-")]
    command = next((word for word in positional if word in COMMANDS), "")
    if parser.prog == PROGRAM and command:
        rest = list(arguments)
        rest.remove(command)
        return InvalidRequest(
            f"unexpected argument: {command}",
            "the command comes before its flags",
            f"use `{_join(command, *rest)}`",
        )
    flag = next((word for word in unknown if word.startswith("-")), "")
    if flag:
        return explain_flag(parser, flag, arguments)
    return InvalidRequest(
        f"unexpected arguments: {' '.join(unknown)}",
        hint=_suggest_argument(parser, positional, args),
    )


# Verbs that read one snapshot, which may be captured for them.
READERS = ("findings", "check")


def explain_flag(parser: Parser, word: str, arguments: Sequence[str]) -> InvalidRequest:
    """Return the error for a flag that a parser does not know."""
    flag = word.partition("=")[0]
    flags = list_flags(parser)
    meant = FLAG_SYNONYMS.get(flag, "")
    if meant in flags:
        hint = f"use {render_with_value(meant, word, arguments)}"
    elif owners := _find_owners(flag):
        names = " and ".join(f"`{PROGRAM} {name}`" for name in owners)
        live = _ask_live(parser, owners, arguments)
        hint = f"{flag} is a flag of {names}; {live or parser.help_hint}"
    else:
        hint = suggest(flag, flags, parser.help_hint)
    return InvalidRequest(f"unknown flag {flag}", hint=hint)


def looks_like_node(word: str) -> bool:
    """Return whether a word may be a node's name rather than a path."""
    return re.fullmatch(NODE_NAME, word) is not None and not FILE.fullmatch(word)


def _suggest_command(word: str, rest: Sequence[str]) -> str:
    node = _find_node([word, *rest])
    if node:
        return f"to capture a node: `{PROGRAM} --node {node}`"
    if word in SYNONYMS:
        return f"use `{_join(*SYNONYMS[word].split(), *rest)}`; {SEE_HELP}"
    close = find_closest(word, (*COMMANDS, HELP))
    if close:
        return f"did you mean {close}? {SEE_HELP}"
    meant = find_closest(word, SYNONYMS) if word.isalpha() else ""
    if meant:
        return f"use `{_join(*SYNONYMS[meant].split(), *rest)}`; {SEE_HELP}"
    if FILE.fullmatch(word):
        return f"to read a snapshot: `{_join('query', word)}`; {SEE_HELP}"
    if looks_like_node(word):
        return f"to capture a node of this name: `{PROGRAM} --node {word}`; {SEE_HELP}"
    return SEE_HELP


def _find_node(words: Sequence[str]) -> str:
    """Return the node that a command line names as kubectl's do: `node/NAME`, `get node NAME`."""
    if words[0] in SYNONYMS:
        words = words[1:]
    kind, slash, name = words[0].partition("/") if words else ("", "", "")
    if kind.lower() not in NODE_WORDS:
        return ""
    named = name if slash else next(iter(words[1:]), "")
    return named if looks_like_node(named) else ""


def _suggest_argument(parser: Parser, words: Sequence[str], args: argparse.Namespace) -> str:
    verb = parser.prog[len(PROGRAM) :].strip()
    if verb == "check":
        return f"use -c {_quote(' '.join([*args.constraint[-1:], *words]))}"
    if "output" in args and FILE.fullmatch(words[0]) and not words[0].startswith("@"):
        return f"to write a file: -o {shlex.quote(words[0])}; {parser.help_hint}"
    if not verb:
        node = _find_node(words) or (words[0] if looks_like_node(words[0]) else "")
        return f"to capture a node: --node {node}; {SEE_HELP}" if node else SEE_HELP
    return parser.help_hint


def _find_owners(flag: str) -> list[str]:
    """Return the commands that have a flag and list it in their help."""
    import argparse

    return [
        name
        for name, (module, _) in COMMANDS.items()
        for action in import_module(module).build_parser()._actions
        if flag in action.option_strings and action.help != argparse.SUPPRESS
    ]


def _ask_live(parser: Parser, owners: Sequence[str], arguments: Sequence[str]) -> str:
    """Return the command that captures and then answers, if a verb that reads has the flag."""
    reader = next((name for name in READERS if name in owners), "")
    if not reader or parser.prog != PROGRAM or any(w.startswith("--token") for w in arguments):
        return ""
    return f"use `{_join(reader, '@live', *arguments)}`"


def _join(*words: str) -> str:
    """Return a command line of the program, to be typed."""
    return " ".join([PROGRAM, *map(shlex.quote, words)])


def _quote(text: str) -> str:
    """Return a text in single quotes, as the examples of `-c` have them."""
    quoted = shlex.quote(text)
    return quoted if quoted.startswith("'") else f"'{quoted}'"
