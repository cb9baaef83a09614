"""The built file on a terminal: colours, characters, and what it says without a cluster."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.integration.conftest import Build, Start

RED, GREEN = "\x1b[31m", "\x1b[32m"
NOWHERE = {"contexts": [], "clusters": [], "users": [], "apiVersion": "v1", "kind": "Config"}

Show = Callable[..., str]


@pytest.fixture
def show(build: Build, tmp_path: Path) -> Show:
    """Return what a terminal receives of a command; it has 60 columns."""

    def run(*words: str, **env: str) -> str:
        defaults = {
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "HOME": str(tmp_path),
            "PATH": "/nonexistent",
        }
        text = pexpect.run(
            f"{sys.executable} -IB {build.zipapp} {' '.join(words)}",
            env={**defaults, **env},
            encoding="utf-8",
            timeout=30,
        )
        return str(text)

    return run


@pytest.fixture
def document(tmp_path: Path, start: Start) -> str:
    path = tmp_path / "here.yaml"
    assert start("--local", "-o", str(path), HOME=str(tmp_path)).returncode == 0
    return str(path)


def test_an_error_has_colours_on_a_terminal_only(show: Show, start: Start) -> None:
    assert show("chekc").startswith("\x1b[1;31merror:\x1b[0m unknown command")
    assert "did you mean check?" in show("chekc")
    assert "\x1b" not in start("chekc").stderr


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_who_wants_no_colours_gets_none(show: Show, document: str, env: dict[str, str]) -> None:
    assert "\x1b" not in show("chekc", **env)
    assert "\x1b" not in show("check", document, "-c", "K8s.server.version", **env)


def test_the_outcome_of_a_rule_has_its_colour(show: Show, document: str) -> None:
    words = ["-c", "'OS.release.ID != x'", "-c", "'OS.release.ID == x'"]
    reported = show("check", document, *words)
    assert f"{GREEN}ok\x1b[0m" in reported
    assert f"{RED}FAIL\x1b[0m" in reported


def test_a_difference_has_colours_in_a_terminal_and_is_ascii_where_it_has_to(
    show: Show, document: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    text = Path(document).read_text()
    other.write_text(re.sub(r"^( +ID): .*$", r"\1: grün", text, count=1, flags=re.M))
    assert "→ grün" in show("diff", document, str(other))
    assert "\x1b[33m~ ID:" in show("diff", document, str(other))
    assert "-> gr?n" in show("diff", document, str(other), LC_ALL="C")


@pytest.mark.parametrize(
    "env",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["C", "C without UTF-8 mode"],
)
def test_data_for_a_pipe_is_utf8_in_every_locale(
    start: Start, document: str, tmp_path: Path, env: dict[str, str]
) -> None:
    other = tmp_path / "other.yaml"
    text = Path(document).read_text()
    other.write_text(re.sub(r"^( +ID): .*$", r"\1: 'grün …'", text, count=1, flags=re.M))
    answer = start("query", str(other), "OS.release.ID", flags="-B", **env)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "grün …\n", "")


@pytest.mark.parametrize("verb", ["", "check", "diff", "query", "report", "completion", "rbac"])
def test_help_is_ascii_and_has_examples_before_flags(start: Start, verb: str) -> None:
    text = start(*filter(None, [verb]), "--help").stdout
    assert text.isascii()
    assert 0 < text.index("examples:\n") < text.index("\nlogging:\n")


def test_without_a_cluster_it_says_what_to_do(show: Show, tmp_path: Path) -> None:
    local = "`kubectl snapshot --local` needs no cluster"
    reported = show()
    assert "no cluster is configured" in reported
    assert "--kubeconfig or $KUBECONFIG" in reported and local in reported
    config = tmp_path / "config"
    context = {"name": "lab", "context": {"cluster": "lab"}}
    cluster = {"name": "lab", "cluster": {"server": "https://127.0.0.1:1"}}
    config.write_text(json.dumps({**NOWHERE, "contexts": [context], "clusters": [cluster]}))
    reported = show(KUBECONFIG=str(config))
    assert "no current context is set" in reported
    assert "choose one with --context" in reported and local in reported
    reported = show("--context", "lab", KUBECONFIG=str(config))
    assert "Connection refused" in reported
    assert "another with --context" in reported and local in reported
