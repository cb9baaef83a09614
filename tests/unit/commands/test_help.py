from __future__ import annotations

import argparse
import re
from importlib import import_module

import pytest

from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.commands.flags.parser import CONNECTION, CONNECTION_HINT, Parser

MAX_HELP = 60
BRACKETS = re.compile(r" ?\([^()]*\)")


def build(name: str) -> Parser:
    parser = import_module(COMMANDS[name][0]).build_parser()
    assert isinstance(parser, Parser)
    return parser


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_80_columns_without_stray_blanks(name: str) -> None:
    lines = build(name).format_help().split("\n")
    assert not [line for line in lines if len(line) > 80 or line != line.rstrip()]
    assert not [line for line in lines if re.search(r" [,;]|\( ", line)]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_text_is_one_short_phrase(name: str) -> None:
    helps = [action.help or "" for action in build(name)._actions]
    shown = [text for text in helps if text != argparse.SUPPRESS]
    assert all(shown)
    assert not [text for text in shown if len(BRACKETS.sub("", text)) > MAX_HELP]
    assert len(BRACKETS.sub("", COMMANDS[name][1])) <= MAX_HELP


def test_the_connection_flags_are_listed_by_options_alone() -> None:
    texts = {name: build(name).format_help() for name in COMMANDS}
    assert [name for name, text in texts.items() if "--certificate-authority" in text] == [
        "options"
    ]
    for name, text in texts.items():
        has_them = any(group.title == CONNECTION for group in build(name)._action_groups)
        assert text.endswith(CONNECTION_HINT) == (has_them and name != "options")


def test_a_flag_shows_the_values_that_it_takes() -> None:
    text = build("capture").format_help()
    assert "\n      --privileged[=true|host-read|false]\n" in text
    assert "\n      --strict[=all-or-nothing]\n" in text
    assert "\n  -v, --verbose[=LEVEL]  " in text
    assert "\n  -o, --output FORMAT|FILE  " in text
    assert "\n      --cluster-scope auto|client|agent|skip\n" in text


def test_help_begins_with_its_description_and_ends_with_its_usage() -> None:
    text = build("query").format_help()
    assert text.startswith("Print the values at paths of a snapshot.\n\nExit codes: ")
    assert text.index("examples:") < text.index("arguments:") < text.index("output:")
    assert text.index("logging:") < text.index("usage:\n  kubectl snapshot query SNAPSHOT")
