"""kubectl's flag syntax on top of argparse: values only after `=`, single or repeated flags.

A flag with an optional value takes it only after `=`; a single flag given twice is an error.
"""

from __future__ import annotations

import argparse

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.text import DASHES

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

# misread reads argparse's messages: they must not be translated. Looking for catalogs, of which
# Python has none, would load locale at every start.
setattr(argparse, "_", str)  # noqa: B010  typeshed does not know it
HELP_WIDTH = 80
# Columns of the flags; a longer flag has its help on the next line.
FLAG_WIDTH = 32
BOOLEANS = ("true", "false")
CONNECTION = "connection"
CONNECTION_HINT = 'Use "kubectl snapshot options" for the connection flags.\n'


class PlainTheme:
    """argparse's colours since Python 3.14: none, whatever part is asked for."""

    def __getattr__(self, part: str) -> str:
        return ""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Format help at a fixed width: the build renders it once, for every terminal.

    argparse makes a formatter for each flag that is added, and asks for the terminal's width
    through shutil, which loads four modules for compression.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=FLAG_WIDTH, width=HELP_WIDTH)

    def _set_color(self, color: bool) -> None:
        """Never colour: Python 3.14 loads dataclasses and inspect even to leave it out."""
        self._theme = PlainTheme()
        self._decolor = str

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Return the flag as `-n, --namespace NAME`, or the argument's name."""
        if not action.option_strings:
            return str(action.metavar)
        *short, name = sorted(action.option_strings, key=len)
        value = "|".join(action.choices or ()) if action.metavar is None else str(action.metavar)
        if action.nargs != 0 and not value and not hasattr(action, "implied"):
            value = action.dest.upper()
        if value:
            name += f"[={value}]" if hasattr(action, "implied") else f" {value}"
        return f"{', '.join(short)}, {name}" if short else f"    {name}"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises InvalidRequest and lays its help out as kubectl does.

    A parser lists its connection flags only if `lists_connection` is set.
    """

    examples = ""
    lists_connection = False

    def error(self, message: str) -> NoReturn:
        from kubectl_snapshot.commands.flags.misread import explain_parser

        raise explain_parser(self, message)

    @property
    def help_hint(self) -> str:
        return f"see `{self.prog} --help`"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise InvalidRequest for a value that is not one of the flag's choices."""
        if action.choices is None or value in action.choices:
            return
        from kubectl_snapshot.suggest import suggest

        choices = [str(choice) for choice in action.choices]
        name = max(action.option_strings, key=len, default=str(action.metavar or action.dest))
        raise InvalidRequest(
            f'invalid value "{value}" for {name}',
            why=f"valid values: {', '.join(choices)}",
            hint=suggest(str(value), choices, self.help_hint),
        )

    def format_help(self) -> str:
        """Return the help text; `--help` itself is not listed."""
        formatter = self._get_formatter()
        for text in (self.description, self.examples, self.epilog):
            formatter.add_text(text)
        has_hidden = False
        for group in self._action_groups:
            if group.title == CONNECTION and not self.lists_connection:
                has_hidden = True
                continue
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            formatter.add_arguments([a for a in group._group_actions if a.dest != "help"])
            formatter.end_section()
        formatter.start_section("usage")
        formatter.add_text(self.usage)
        formatter.end_section()
        formatter.add_text(CONNECTION_HINT if has_hidden else "")
        return formatter.format_help()


def refuse_empty(action: argparse.Action, values: Any) -> None:
    """Raise InvalidRequest for an empty value, unless the flag gives it a meaning.

    An unset variable of the shell must not select another node, user or namespace.
    """
    if isinstance(values, str) and not values.strip() and not getattr(action, "takes_empty", False):
        from kubectl_snapshot.commands.flags.misread import explain_empty

        raise explain_empty(max(action.option_strings, key=len))


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
            raise InvalidRequest(f"{option_string} was given twice", hint="give it once")
        refuse_empty(self, values)
        given(namespace).add(self.dest)
        setattr(namespace, self.dest, values)


class Repeated(argparse.Action):
    """A flag that may be repeated; given once, it overrides the environment variable."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        refuse_empty(self, values)
        before = getattr(namespace, self.dest) if self.dest in given(namespace) else []
        given(namespace).add(self.dest)
        setattr(namespace, self.dest, [*before, values])


def given(namespace: argparse.Namespace) -> set[str]:
    """Return the names of the flags parsed from the command line so far."""
    found: set[str] = vars(namespace).setdefault("_given", set())
    return found


def new_parser(
    prog: str, description: str, usage: str, examples: str = "", epilog: str = ""
) -> Parser:
    """Return a parser without abbreviations; `examples` are the indented lines of that section."""
    parser = Parser(
        prog=prog,
        usage=usage,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=HelpFormatter,
    )
    parser.examples = f"examples:\n{examples}" if examples else ""
    # argparse's own titles differ between versions of Python.
    parser._positionals.title, parser._optionals.title = "arguments", "flags"
    return parser


def add_flag(group: Any, *names: str, **settings: Any) -> None:
    """Add a flag that takes one value and may be given once."""
    _add(group, names, {"action": Single, **settings})


def add_repeated_flag(group: Any, *names: str, **settings: Any) -> None:
    """Add a flag that takes one value and may be repeated; its default is an empty list."""
    _add(group, names, {"action": Repeated, "default": [], **settings})


def add_optional_flag(group: Any, *names: str, implied: str, **settings: Any) -> None:
    """Add a flag with an optional value, taken only after `=`; the default value is `implied`."""
    _add(group, names, {"action": Single, **settings}).implied = implied


def add_boolean_flag(group: Any, *names: str, default: bool = False, **settings: Any) -> None:
    """Add a boolean flag; it also takes `=true` or `=false`."""
    settings.setdefault("metavar", "")
    add_optional_flag(
        group, *names, implied="true", type=parse_boolean, default=default, **settings
    )


def _add(group: Any, names: tuple[str, ...], settings: dict[str, Any]) -> Any:
    """Add a flag; `variable=False`: no environment variable; `takes_empty`: "" is a value."""
    has_variable = settings.pop("variable", True)
    takes_empty = settings.pop("takes_empty", False)
    action = group.add_argument(*names, **settings)
    action.has_variable = has_variable
    action.takes_empty = takes_empty
    return action


def parse_boolean(text: str) -> bool:
    """Parse a boolean: exactly `true` or `false`."""
    if text not in BOOLEANS:
        raise argparse.ArgumentTypeError(f'invalid boolean "{text}": use true or false')
    return text == "true"


def write_implied_values(parser: Parser, arguments: Sequence[str]) -> list[str]:
    """Expand flags without a value: `--strict` becomes `--strict=true`, whatever follows.

    Raises InvalidRequest for words that argparse would misread.
    """
    flags = {name: action for action in parser._actions for name in action.option_strings}
    implied = {name: a.implied for name, a in flags.items() if hasattr(a, "implied")}
    words: list[str] = []
    for index, word in enumerate(arguments):
        if word == "--":
            return words + list(arguments[index:])
        if _has_wrong_dashes(word, flags):
            from kubectl_snapshot.commands.flags.misread import explain_dashes

            raise explain_dashes(parser, word, arguments)
        if word[:2] in implied and word[2:3] == "=" and word[:2] != "--":
            word = f"{word[:2]}{word[3:]}"
        following = next(iter(arguments[index + 1 :]), "")
        if word in implied and following in (*BOOLEANS, *(flags[word].choices or ())):
            from kubectl_snapshot.commands.flags.misread import explain_blank

            raise explain_blank(max(flags[word].option_strings, key=len), following)
        words += _imply(word, implied)
    return words


def _has_wrong_dashes(word: str, flags: Mapping[str, argparse.Action]) -> bool:
    """Return whether a word is `-node`, which would be read as `-n ode`, or `—node`."""
    if word[:1] == "-":
        return f"-{word.partition('=')[0]}" in flags
    return not word[:1].isascii() and word[:1] in DASHES


def _imply(word: str, implied: Mapping[str, str]) -> list[str]:
    if word not in implied:
        return [word]
    # argparse reads `-vtrue`, not `-v=true`.
    return [f"{word}={implied[word]}" if word.startswith("--") else f"{word}{implied[word]}"]
