"""Parse a command line; flags not given take their values from environment variables.

A flag's variable is KUBECTL_SNAPSHOT_<FLAG>; the reference's own variable is the fallback.
"""

from __future__ import annotations

import argparse

from kubectl_snapshot.commands.flags.parser import (
    Repeated,
    given,
    parse_boolean,
    write_implied_values,
)
from kubectl_snapshot.errors import InvalidRequest

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.commands.flags.parser import Parser

ENVIRONMENT_PREFIX = "KUBECTL_SNAPSHOT_"
# The reference's own variables (contract section 4.3).
REFERENCE_VARIABLES = {
    "namespace": "AICR_NAMESPACE",
    "image": "AICR_IMAGE",
    "require_gpu": "AICR_REQUIRE_GPU",
    "runtime_class": "AICR_RUNTIME_CLASS",
    "requests": "AICR_REQUESTS",
    "limits": "AICR_LIMITS",
    "helm_namespace": "AICR_HELM_NAMESPACES",
    "max_nodes_per_entry": "AICR_MAX_NODES_PER_ENTRY",
    "debug": "AICR_DEBUG",
    "log_json": "AICR_LOG_JSON",
}
# Flags of the command line that set what other fields of an AICRConfig set.
OVERRIDES = {"output": ("format", "template"), "cleanup": ("no_cleanup",)}
# strconv.ParseBool
TRUE_TEXTS = ("1", "t", "T", "TRUE", "true", "True")
FALSE_TEXTS = ("0", "f", "F", "FALSE", "false", "False")
# Variables whose invalid values the reference ignores, and the effect (contract 2.5).
LENIENT_VARIABLES = {"AICR_MAX_NODES_PER_ENTRY": "no limit is set"}


def parse_flags(
    parser: Parser, arguments: Sequence[str], environment: Mapping[str, str]
) -> argparse.Namespace:
    """Return the parsed command line; environment variables are the defaults."""
    apply_variables(parser, environment)
    args, unknown = parser.parse_known_args(write_implied_values(parser, arguments))
    if unknown:
        from kubectl_snapshot.commands.flags.mistakes import explain_arguments

        raise explain_arguments(parser, arguments, unknown, args)
    if getattr(args, "config", ""):
        _apply_config(parser, args, environment)
    return args


def _apply_config(parser: Parser, args: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Set the values of the flags that neither the command line nor a variable has."""
    from kubectl_snapshot.commands.flags.config_file import read_config

    actions = {action.dest: action for action in parser._actions}
    typed = given(args)
    taken = typed.union(*(OVERRIDES.get(dest, ()) for dest in typed))
    for place, dest, texts in read_config(args.config):
        action = actions.get(dest)
        # Another verb's own flag has no variable: it means something else.
        variables = variable_names(action) if action else ()
        if action is None or not variables or dest in taken or any(map(environment.get, variables)):
            continue
        values = [_parse_value(parser, action, place, text) for text in texts]
        setattr(args, dest, values if isinstance(action, Repeated) else values[0])


def apply_variables(parser: Parser, environment: Mapping[str, str]) -> None:
    """Set the defaults of a parser's flags from environment variables."""
    for action in parser._actions:
        name, value = _variable(action, environment)
        if name in LENIENT_VARIABLES and not value.isdecimal():
            warning = f'invalid number "{value}" in {name}: {LENIENT_VARIABLES[name]}'
            parser.set_defaults(warnings=[warning])
        elif name:
            action.default = _parse_variable(parser, action, name, value)


def variable_names(action: argparse.Action) -> tuple[str, ...]:
    """Return a flag's environment variables in order of precedence."""
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
    """Return a variable's parsed value.

    Values of a repeated flag are separated by white space, in the reference's variables by commas.
    """
    place = f"environment variable {name}"
    if isinstance(action, Repeated):
        words = text.replace(",", " ") if name in REFERENCE_VARIABLES.values() else text
        return [_parse_value(parser, action, place, word) for word in words.split()]
    return _parse_value(parser, action, place, text)


def _parse_value(parser: Parser, action: argparse.Action, place: str, text: str) -> Any:
    """Return a value that is not of the command line; InvalidRequest says which `place` it has."""
    try:
        value = parser._get_value(action, _as_flag_value(action, text))
        parser._check_value(action, value)
        return value
    except InvalidRequest as error:
        what = f"{place}: {error.what}"
        raise InvalidRequest(what, error.why, error.hint or parser.help_hint) from error
    except argparse.ArgumentError as error:
        what = f"{place}: {error.message}"
        raise InvalidRequest(what, hint=parser.help_hint) from error


def _as_flag_value(action: argparse.Action, text: str) -> str:
    """Return a boolean as the flag takes it: variables have Go's strconv.ParseBool, as AICR's."""
    if action.type is not parse_boolean:
        return text
    if text in TRUE_TEXTS:
        return "true"
    return "false" if text in FALSE_TEXTS else text
