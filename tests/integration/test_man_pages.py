"""The man pages: accepted by groff without a warning, with the flags and words of the help."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from importlib import import_module

import pytest

from kubectl_snapshot.commands.all_commands import COMMANDS
from tests.integration.releases import ROOT


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    command = [sys.executable, ROOT / "scripts" / "man_pages.py"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    loaded: dict[str, str] = json.loads(done.stdout)
    return loaded


def render(page: str) -> str:
    """Return a page as `man` shows it, in plain text."""
    command = ["groff", "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=400n"]
    done = subprocess.run(command, input=page, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_every_verb_has_a_page(pages: dict[str, str]) -> None:
    verbs = {f"kubectl-snapshot-{name}.1" for name in COMMANDS if name != "capture"}
    assert set(pages) == {"kubectl-snapshot.1", *verbs}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_what_the_help_has(name: str, pages: dict[str, str]) -> None:
    page = "kubectl-snapshot.1" if name == "capture" else f"kubectl-snapshot-{name}.1"
    shown = " ".join(render(pages[page]).split())
    parser = import_module(COMMANDS[name][0]).build_parser()
    for paragraph in filter(None, (parser.description, parser.usage)):
        for word in paragraph.split():
            assert word in shown
    for line in parser.examples.splitlines()[1:]:
        assert " ".join(line.split()) in shown
    for action in parser._actions:
        is_listed = action.help != argparse.SUPPRESS and action.dest != "help"
        is_hidden = any(
            action in group._group_actions
            for group in parser._action_groups
            if group.title == "connection" and not parser.lists_connection
        )
        for option in action.option_strings:
            found = re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown)
            assert is_hidden or not is_listed or found, option
    assert "==SUPPRESS==" not in shown


def test_a_flag_names_its_variables(pages: dict[str, str]) -> None:
    shown = render(pages["kubectl-snapshot.1"])
    assert "Environment: KUBECTL_SNAPSHOT_IMAGE, AICR_IMAGE" in shown


def test_the_first_page_lists_the_verbs(pages: dict[str, str]) -> None:
    shown = render(pages["kubectl-snapshot.1"])
    for name, (_, text) in COMMANDS.items():
        assert re.search(rf"kubectl snapshot {name}\n +{re.escape(text)}\n", shown), name
