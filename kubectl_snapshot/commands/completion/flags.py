"""The flags and arguments of a verb that could be typed next. The only door to argcomplete."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.commands.all_commands import COMMANDS, split_command
from kubectl_snapshot.commands.completion.values import Typing, find_values, takes_file
from kubectl_snapshot.commands.flags.environment import apply_variables
from kubectl_snapshot.commands.flags.parser import Repeated, Single, write_implied_values
from kubectl_snapshot.commands.output import SNAPSHOT_FORMATS, TEMPLATE
from kubectl_snapshot.commands.source import LIVE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.commands.flags.parser import Parser


def complete_flags(
    before: Sequence[str], prefix: str, env: Mapping[str, str], limit_s: float
) -> tuple[dict[str, str], bool]:
    """Return the candidates with their descriptions, and whether it may be a file as well.

    Raises InvalidRequest where the words before name no verb, or a variable has a wrong value.
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
        return find_values(action, prefix, Typing(parsed_args, env, deadline))

    name, words = split_command(before)
    command = import_module(COMMANDS[name][0])
    parser = command.build_parser()
    apply_variables(parser, env)
    # A capture's flags, of which the help of other verbs is silent, go with @live.
    finder = new_finder(parser, find, print_suppressed=LIVE in words)
    flag, equals, _ = prefix.partition("=")
    is_value = bool(equals) and flag.startswith("-")
    typed = [parser.prog, *write_implied_values(parser, words), *([flag] if is_value else ())]
    found = finder._get_completions(typed, prefix, "", None)
    if is_value:  # cobra wants the value alone
        return {text[len(flag) + 1 :]: "" for text in found}, is_file
    told = finder.get_display_completions()
    return {text: told.get(text, "") if text.startswith("-") else "" for text in found}, is_file


def new_finder(parser: Parser, find: Callable[..., Sequence[str]], print_suppressed: bool) -> Any:
    """Return what finds out which flag or argument is being typed, and asks for its values."""
    from argcomplete import finders

    # Those of ours only note the value.
    finders.safe_actions.update((Single, Repeated))
    finder: Any = finders.CompletionFinder(  # type: ignore[no-untyped-call]
        parser,
        always_complete_options=False,
        default_completer=find,
        append_space=False,
        print_suppressed=print_suppressed,
    )
    # What the shells do with quotes is theirs.
    finder.quote_completions = lambda completions, *_: completions
    return finder


def list_formats(command: object) -> list[str]:
    """Return what a verb can write, as it is typed."""
    names = getattr(command, "FORMATS", SNAPSHOT_FORMATS).names
    return [f"{name}=" if name == TEMPLATE else name for name in names]
