"""kubectl's flag syntax on top of argparse: values only after `=`, single or repeated flags.

A flag with an optional value takes it only after `=`; a single flag given twice is an error.
"""

from __future__ import annotations

import argparse

from kubectl_snapshot.commands.flags.suggest import suggest
from kubectl_snapshot.errors import InvalidRequest

TYPE_CHECKING = False  # typing's is slow to import, and every start pays
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

HELP_WIDTH = 98


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Lays help out for one width, which the zipapp's ready-made texts have on any terminal.

    argparse makes a formatter for each flag that is added, and asks for the terminal's width
    through shutil, which loads four modules for compression.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=HELP_WIDTH)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are ours, and whose help begins with examples."""

    def error(self, message: str) -> NoReturn:
        raise InvalidRequest(message, hint=self.help_hint)

    @property
    def help_hint(self) -> str:
        return f"see `{self.prog} --help`"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise for a value that is none of a flag's choices, and name the one that is close."""
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        name = max(action.option_strings, key=len, default=str(action.metavar or action.dest))
        raise InvalidRequest(
            f"{name}: there is no {value!r}",
            why=f"it can be {', '.join(choices)}",
            hint=suggest(str(value), choices, self.help_hint),
        )

    def format_help(self) -> str:
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        formatter.add_text(self.epilog)
        for group in self._action_groups:
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        return formatter.format_help()


class Single(argparse.Action):
    """A flag that may be given once (contract section 4.3)."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if self.dest in given(namespace):
            raise InvalidRequest(f"{option_string} is given twice", hint="give it once")
        given(namespace).add(self.dest)
        setattr(namespace, self.dest, values)


class Repeated(argparse.Action):
    """A flag that may be repeated; given at all, it replaces what the environment says."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest) if self.dest in given(namespace) else []
        given(namespace).add(self.dest)
        setattr(namespace, self.dest, [*before, values])


def given(namespace: argparse.Namespace) -> set[str]:
    """Return the names of the flags that the command line has given so far."""
    found: set[str] = vars(namespace).setdefault("_given", set())
    return found


def new_parser(prog: str, description: str, usage: str, epilog: str = "") -> Parser:
    """Return a parser with exact flag names and our help flag."""
    parser = Parser(
        prog=prog,
        usage=usage,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=HelpFormatter,
    )
    # Their names in argparse differ by Python's version.
    parser._positionals.title, parser._optionals.title = "arguments", "flags"
    return parser


def add_flag(group: Any, *names: str, **settings: Any) -> None:
    """Add a flag that takes one value and may be given once."""
    _add(group, names, {"action": Single, **settings})


def add_repeated_flag(group: Any, *names: str, **settings: Any) -> None:
    """Add a flag that takes one value and may be repeated; its default is an empty list."""
    _add(group, names, {"action": Repeated, "default": [], **settings})


def add_optional_flag(group: Any, *names: str, implied: str, **settings: Any) -> None:
    """Add a flag that may stand alone, which means `implied`, or take a value after `=`."""
    _add(group, names, {"action": Single, **settings}).implied = implied


def add_boolean_flag(group: Any, *names: str, default: bool = False, **settings: Any) -> None:
    """Add a flag that means true alone and takes `=true` or `=false`."""
    add_optional_flag(
        group, *names, implied="true", type=parse_boolean, default=default, metavar="", **settings
    )


def _add(group: Any, names: tuple[str, ...], settings: dict[str, Any]) -> Any:
    """Add a flag; `variable=False` is for what means something else to another verb."""
    has_variable = settings.pop("variable", True)
    action = group.add_argument(*names, **settings)
    action.has_variable = has_variable
    return action


def parse_boolean(text: str) -> bool:
    """Return True or False for exactly `true` or `false`."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text == "true"


def build_unknown_error(parser: Parser, unknown: Sequence[str]) -> InvalidRequest:
    """Return the error for words that are no flags of the verb, or too many."""
    word = unknown[0].partition("=")[0]
    if not word.startswith("-"):
        return InvalidRequest(f"unrecognized arguments: {' '.join(unknown)}", hint=parser.help_hint)
    flags = [name for action in parser._actions for name in action.option_strings]
    return InvalidRequest(f"there is no flag {word}", hint=suggest(word, flags, parser.help_hint))


def write_implied_values(parser: Parser, arguments: Sequence[str]) -> list[str]:
    """Write `--strict` as `--strict=true`, so that the next word is never taken for its value."""
    implied = {
        name: action.implied
        for action in parser._actions
        if hasattr(action, "implied")
        for name in action.option_strings
    }
    words: list[str] = []
    for index, word in enumerate(arguments):
        if word == "--":
            return words + list(arguments[index:])
        words += _imply(word, implied)
    return words


def _imply(word: str, implied: Mapping[str, str]) -> list[str]:
    if word not in implied:
        return [word]
    # argparse reads `-vtrue`, not `-v=true`.
    return [f"{word}={implied[word]}" if word.startswith("--") else f"{word}{implied[word]}"]
