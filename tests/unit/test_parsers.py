"""Every parser of the package: whatever comes in, a value comes out or an error that we foresaw.

Parsers are found by their name, what they take by their annotations; the tests of a module say more
of its own. A parser of another kind of input has to be reported of in STRATEGIES.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kubectl_snapshot
from kubectl_snapshot.clients.files import localfile
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.commands.flags.parser import Parser
from kubectl_snapshot.document.schema import build_checks
from kubectl_snapshot.errors import SnapshotError

# Takes an object of a list, which the API server has checked.
CHECKED_BEFORE = {"job.cleanup.selection.parse_cleanup_object"}
# What parse_flags has made of a command line.
FLAGS = "argparse.Namespace"
# argparse turns the second one into an InvalidRequest (Parser.error in commands/flags/parser); the
# third one sends a text to PyYAML.
FORESEEN = (SnapshotError, argparse.ArgumentTypeError, localfile._NotPlain)

CHARACTERS = st.text(
    alphabet=" \t\n\r#=:;,/.-+@\"'{}[]()<>&*|%v01eE~_ab\x00\x1c\x85\u00a0\ud800\U0001f600"
)
TEXTS = st.text() | CHARACTERS
BYTES = st.binary() | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
MAPS = st.dictionaries(TEXTS, JSON, max_size=4)
LISTS = st.lists(TEXTS, max_size=4)
COMMAND_LINES = st.lists(TEXTS | st.sampled_from(["--node", "-o", "--strict", "--", "-v"]))


# A line, and what begins there: a text, nothing, a list or a map of the same.
LOCATED = st.recursive(
    st.tuples(st.integers(1, 9), st.none() | TEXTS),
    lambda inner: st.tuples(
        st.integers(1, 9),
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.sampled_from(["rules", "name", "constraint"]), inner),
    ),
    max_leaves=8,
)


def new_parsers() -> st.SearchStrategy[Parser]:
    modules = [import_module(name) for name, _ in COMMANDS.values()]
    return st.sampled_from(modules).map(lambda module: module.build_parser())


STRATEGIES: Mapping[str, st.SearchStrategy[Any]] = {
    "str": TEXTS,
    "str | None": st.none() | TEXTS,
    "bytes": BYTES,
    "str | bytes": TEXTS | BYTES,
    "bytes | str": TEXTS | BYTES,
    "Text": TEXTS | BYTES,
    "float": st.floats(),
    "object": JSON,
    "Mapping[str, Any]": MAPS,
    "Mapping[str, str]": st.dictionaries(TEXTS, TEXTS, max_size=4),
    "Iterable[str]": LISTS,
    "Sequence[str]": LISTS,
    "Container[str]": LISTS,
    "Checks": st.just(build_checks(REGISTRY)),
    "Parser": new_parsers(),
    "Located": LOCATED,
    "commands.flags.environment.parse_flags.arguments": COMMAND_LINES,
    "clients.host.systemd_dbus.parse_message_size.head": st.binary(min_size=16, max_size=16),
    # Its caller has looked whether there is one; of the text it knows nothing.
    "clients.kube.transport.parse_server.cluster": MAPS.flatmap(
        lambda cluster: TEXTS.map(lambda server: {**cluster, "server": server})
    ),
}


def find_parsers() -> dict[str, Callable[..., object]]:
    """Return every function of the package that is called parse_ or load_yaml, load_json."""
    found = {}
    for info in pkgutil.walk_packages(kubectl_snapshot.__path__, "kubectl_snapshot."):
        if info.name.endswith(".__main__"):
            continue
        for name, value in vars(import_module(info.name)).items():
            is_parser = name.startswith(("parse_", "load_json", "load_yaml"))
            if is_parser and inspect.isfunction(value) and value.__module__ == info.name:
                found[f"{info.name.partition('.')[2]}.{name}"] = value
    return found


def takes_flags(parse: Callable[..., object]) -> bool:
    return any(p.annotation == FLAGS for p in inspect.signature(parse).parameters.values())


PARSERS = {
    name: parse
    for name, parse in find_parsers().items()
    if name not in CHECKED_BEFORE and not takes_flags(parse)
}


def arguments_of(name: str, parse: Callable[..., object]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of what a parser takes; arguments with a default keep it."""
    needed = {
        parameter.name: parameter.annotation
        for parameter in inspect.signature(parse).parameters.values()
        if parameter.default is parameter.empty
    }
    return st.fixed_dictionaries(
        {
            argument: STRATEGIES.get(f"{name}.{argument}", STRATEGIES.get(annotation))
            for argument, annotation in needed.items()
        }
    )


@pytest.mark.parametrize("name", PARSERS)
def test_any_input_gives_a_value_or_an_error_that_was_foreseen(name: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(arguments_of(name, PARSERS[name]))
    def check(arguments: dict[str, Any]) -> None:
        with contextlib.suppress(*FORESEEN):
            PARSERS[name](**arguments)

    check()


def test_the_parsers_are_found() -> None:
    assert {"document.codec.yaml.codec.parse_yaml", "job.selectors.parse_taint"} <= PARSERS.keys()
    assert find_parsers().keys() >= CHECKED_BEFORE
