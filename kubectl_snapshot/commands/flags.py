"""How flags are read: kubectl's manners on top of argparse, the environment, the shared flags.

A flag with an optional value takes it only after `=`; a single flag given twice is an error; a flag
not given takes its value from KUBECTL_SNAPSHOT_<FLAG>, second from the reference's own variable.
"""

from __future__ import annotations

import argparse

from kubectl_snapshot.constants import API_VERSIONS, DEFAULT_TIMEOUT_S, FULL_API_VERSION
from kubectl_snapshot.errors import InvalidRequest

TYPE_CHECKING = False  # typing's is slow to import, and every start pays
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

ENVIRONMENT_PREFIX = "KUBECTL_SNAPSHOT_"
HELP_WIDTH = 98
# The reference's own variables (contract section 4.3).
REFERENCE_VARIABLES = {
    "namespace": "AICR_NAMESPACE",
    "image": "AICR_IMAGE",
    "require_gpu": "AICR_REQUIRE_GPU",
    "runtime_class": "AICR_RUNTIME_CLASS",
    "helm_namespace": "AICR_HELM_NAMESPACES",
    "max_nodes_per_entry": "AICR_MAX_NODES_PER_ENTRY",
    "debug": "AICR_DEBUG",
    "log_json": "AICR_LOG_JSON",
}
# What the reference makes of a value that it cannot read, where that is no error (contract 2.5).
LENIENT_VARIABLES = {"AICR_MAX_NODES_PER_ENTRY": "there is no limit"}


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
        from kubectl_snapshot.commands.suggest import suggest

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


def add_gpu_flag(group: Any) -> None:
    """Add what the verbs that collect have for a document that is no use without a GPU."""
    add_boolean_flag(group, "--require-gpu", help="print nothing and exit 3 where no GPU is found")


def add_metrics_flag(group: Any) -> None:
    """Add what the verbs that collect have for Prometheus."""
    add_flag(
        group,
        "--metrics-file",
        metavar="FILE.prom",
        default="",
        help="write for node_exporter how long it took and whether it failed",
    )


def add_api_version_flag(group: Any) -> None:
    """Add what a document calls its own version, for readers that know only some."""
    add_flag(
        group,
        "--api-version",
        choices=API_VERSIONS,
        metavar="VERSION",
        default=FULL_API_VERSION,
        help=f"the document's apiVersion: {', '.join(API_VERSIONS)} (default: the first)",
    )


def add_log_flags(parser: argparse.ArgumentParser) -> None:
    """Add what every verb has."""
    group = parser.add_argument_group("what is told on stderr")
    add_boolean_flag(group, "-v", "--verbose", help="tell each collector's time and status too")
    add_boolean_flag(group, "--quiet", help="tell errors only")
    add_boolean_flag(group, "--log-json", help="tell everything as one JSON object a line")
    add_boolean_flag(group, "--debug", help="add the traceback to an error")


def parse_count(text: str) -> int:
    """Return the number that decimal digits tell."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def parse_boolean(text: str) -> bool:
    """Return True or False for exactly `true` or `false`."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text == "true"


def parse_timeout(text: str) -> float:
    """Return a timeout in seconds; 0 means the default (contract section 4.3)."""
    from kubectl_snapshot.document.destination import parse_duration

    return parse_duration(text) or DEFAULT_TIMEOUT_S


def parse_flags(
    parser: Parser, arguments: Sequence[str], environment: Mapping[str, str]
) -> argparse.Namespace:
    """Return the flags of a command line; what it does not give comes from the environment."""
    apply_variables(parser, environment)
    args, unknown = parser.parse_known_args(write_implied_values(parser, arguments))
    if unknown:
        raise build_unknown_error(parser, unknown)
    return args


def build_unknown_error(parser: Parser, unknown: Sequence[str]) -> InvalidRequest:
    """Return the error for words that are no flags of the verb, or too many."""
    word = unknown[0].partition("=")[0]
    if not word.startswith("-"):
        return InvalidRequest(f"unrecognized arguments: {' '.join(unknown)}", hint=parser.help_hint)
    from kubectl_snapshot.commands.suggest import suggest

    flags = [name for action in parser._actions for name in action.option_strings]
    return InvalidRequest(f"there is no flag {word}", hint=suggest(word, flags, parser.help_hint))


def apply_variables(parser: Parser, environment: Mapping[str, str]) -> None:
    """Make what the environment says the defaults of a parser's flags."""
    for action in parser._actions:
        name, value = _variable(action, environment)
        if name in LENIENT_VARIABLES and not value.isdecimal():
            told = f"{name} is {value!r}, which is no number: {LENIENT_VARIABLES[name]}"
            parser.set_defaults(warnings=[told])
        elif name:
            action.default = _parse_variable(parser, action, name, value)


def variable_names(action: argparse.Action) -> tuple[str, ...]:
    """Return the environment variables that stand for a flag: ours, then the reference's."""
    if not getattr(action, "has_variable", False):
        return ()
    flag = max(action.option_strings, key=len).lstrip("-")
    ours = ENVIRONMENT_PREFIX + flag.replace("-", "_").upper()
    reference = REFERENCE_VARIABLES.get(action.dest)
    return (ours, reference) if reference else (ours,)


def _variable(action: argparse.Action, environment: Mapping[str, str]) -> tuple[str, str]:
    names = variable_names(action)
    return next(((name, environment[name]) for name in names if environment.get(name)), ("", ""))


def _parse_variable(parser: Parser, action: argparse.Action, name: str, text: str) -> Any:
    """Return a variable's value.

    A repeated flag's values are separated by white space, in the reference's variable by commas.
    """
    try:
        if isinstance(action, Repeated):
            words = text.replace(",", " ") if name in REFERENCE_VARIABLES.values() else text
            return [parser._get_value(action, word) for word in words.split()]
        value = parser._get_value(action, text)
        parser._check_value(action, value)
        return value
    except InvalidRequest as error:
        what = f"environment variable {name}: {error.what}"
        raise InvalidRequest(what, error.why, error.hint or parser.help_hint) from error
    except argparse.ArgumentError as error:
        what = f"environment variable {name}: {error.message}"
        raise InvalidRequest(what, hint=parser.help_hint) from error


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
