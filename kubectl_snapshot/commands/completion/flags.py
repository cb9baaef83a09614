"""Complete flags and arguments with argcomplete; only this module imports it."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.commands.all_commands import COMMANDS, split_command
from kubectl_snapshot.commands.completion.values import PartialCommand, find_values, takes_file
from kubectl_snapshot.commands.flags.environment import apply_variables
from kubectl_snapshot.commands.flags.parser import Repeated, Single, write_implied_values
from kubectl_snapshot.commands.output import SNAPSHOT_FORMATS, TEMPLATE
from kubectl_snapshot.commands.source import LIVE
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.commands.flags.parser import Parser


def complete_flags(
    before: Sequence[str], prefix: str, env: Mapping[str, str], limit_s: float
) -> tuple[dict[str, str], bool]:
    """Return the candidates with their descriptions, and whether a file name may be completed.

    Raises InvalidRequest for an unknown command or an invalid environment variable.
    """
    deadline = time.monotonic() + limit_s
    is_file = False

    def find(
        prefix: str, action: argparse.Action, parsed_args: argparse.Namespace, **_: object
    ) -> Sequence[str]:
        nonlocal is_file
        is_file = takes_file(action, prefix)
        if action.dest in ("output", "format") and not action.choices:
            return list_formats(command)
        return find_values(action, prefix, PartialCommand(parsed_args, env, deadline))

    name, words = split_command(before)
    if not name:
        raise InvalidRequest("unknown command")
    command = import_module(COMMANDS[name][0])
    parser = command.build_parser()
    apply_variables(parser, env)
    # With @live, also complete the flags of a capture, which the help does not list.
    finder = new_finder(parser, find, print_suppressed=LIVE in words)
    flag, equals, _ = prefix.partition("=")
    is_value = bool(equals) and flag.startswith("-")
    typed = [parser.prog, *write_implied_values(parser, words), *([flag] if is_value else ())]
    found = finder._get_completions(typed, prefix, "", None)
    if is_value:  # cobra expects the value alone
        return {text[len(flag) + 1 :]: "" for text in found}, is_file
    descriptions = finder.get_display_completions()
    return {
        text: descriptions.get(text, "") if text.startswith("-") else "" for text in found
    }, is_file


def new_finder(parser: Parser, find: Callable[..., Sequence[str]], print_suppressed: bool) -> Any:
    """Return argcomplete's finder, with `find` as the source of values."""
    from argcomplete import finders

    # Our actions have no side effects.
    finders.safe_actions.update((Single, Repeated))
    finder: Any = finders.CompletionFinder(  # type: ignore[no-untyped-call]
        parser,
        always_complete_options=False,
        default_completer=find,
        append_space=False,
        print_suppressed=print_suppressed,
    )
    # The completion scripts quote the candidates.
    finder.quote_completions = lambda completions, *_: completions
    # argcomplete compares each with each: 12 million times for 5,000 nodes.
    finder.filter_completions = lambda completions: list(dict.fromkeys(completions))
    return finder


def list_formats(command: object) -> list[str]:
    """Return the output formats of a command, as a user types them."""
    names = getattr(command, "FORMATS", SNAPSHOT_FORMATS).names
    return [f"{name}=" if name == TEMPLATE else name for name in names]
