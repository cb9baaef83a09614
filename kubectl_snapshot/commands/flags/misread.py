"""Explain words that argparse misreads or refuses: the error, and the words that were meant.

Imported only when a command line is wrong.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import find_closest
from kubectl_snapshot.text import DASHES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def explain_dashes(
    parser: argparse.ArgumentParser, word: str, arguments: Sequence[str]
) -> InvalidRequest:
    """Return the error for a long flag with one hyphen, or with another character for it."""
    flag = word.partition("=")[0]
    meant = f"--{flag.lstrip('-' + DASHES)}"
    close = find_closest(meant, list_flags(parser)) or meant
    return InvalidRequest(
        f"unknown flag {flag}",
        "a long flag begins with two hyphens",
        f"did you mean {render_with_value(close, word, arguments)}? {see_help(parser)}",
    )


def explain_blank(flag: str, value: str) -> InvalidRequest:
    """Return the error for an optional value after a blank."""
    return InvalidRequest(
        f"unexpected argument: {value}",
        f'{flag} takes its value after "="',
        f"use {flag}={value}",
    )


def explain_empty(flag: str) -> InvalidRequest:
    """Return the error for an empty value, as an unset variable of the shell gives it."""
    return InvalidRequest(
        f"{flag} has an empty value",
        hint=f"give a value, or leave {flag} out; is a variable of your shell not set?",
    )


def explain_parser(parser: argparse.ArgumentParser, message: str) -> InvalidRequest:
    """Return the error for a message of argparse."""
    missing = re.fullmatch(r"the following arguments are required: (.+)", message)
    if missing:
        usage = (parser.usage or "").partition(" [flags]")[0]
        return InvalidRequest(f"missing argument: {missing[1]}", hint=f"usage: {usage}")
    no_value = re.fullmatch(r"argument (\S+): expected one argument", message)
    if no_value:
        flag = max(no_value[1].split("/"), key=len)
        return InvalidRequest(f"{flag} needs a value", hint=see_help(parser))
    return InvalidRequest(message, hint=see_help(parser))


def see_help(parser: argparse.ArgumentParser) -> str:
    """Return a hint to the help of a parser's command."""
    return f"see `{parser.prog} --help`"


def list_flags(parser: argparse.ArgumentParser) -> list[str]:
    return [name for action in parser._actions for name in action.option_strings]


def render_with_value(flag: str, word: str, arguments: Sequence[str]) -> str:
    """Return a flag with the value that followed the mistyped one, to be typed."""
    _, equals, value = word.partition("=")
    following = arguments[list(arguments).index(word) + 1 :][:1] if word in arguments else []
    if not equals and following and not following[0].startswith("-"):
        value = following[0]
    return f"{flag} {shlex.quote(value)}" if value else flag
