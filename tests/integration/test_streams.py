"""Every verb with closed, full and abandoned streams, and several outputs of which one fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_snapshot.commands.all_commands import ANSWERING, COMMANDS
from kubectl_snapshot.constants import MANAGED_BY_LABEL, NAME, NAME_LABEL, RUN_LABEL
from kubectl_snapshot.document.codec.parse import parse_document
from tests.integration.conftest import Shell
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig
from tests.unit.fleet.directories import write_fleet

# By verb, what makes it print; DOCUMENT is a snapshot of this machine, FLEET a directory with it,
# CLUSTER a kubeconfig.
VERBS = {
    "baseline": ("baseline", "FLEET"),
    "export": ("export", "FLEET"),
    "capture": ("--local",),
    "check": ("check", "DOCUMENT", "-c", "OS.release.ID != x"),
    "cleanup": ("cleanup", "--dry-run", "--kubeconfig", "CLUSTER"),
    "collect": ("collect",),
    "completion": ("completion", "bash"),
    "convert": ("convert", "DOCUMENT"),
    "diff": ("diff", "DOCUMENT", "DOCUMENT"),
    "findings": ("findings", "DOCUMENT"),
    "options": ("options",),
    "preflight": ("preflight", "--local"),
    "query": ("query", "DOCUMENT", "OS.release.ID"),
    "rbac": ("rbac",),
    "redactions": ("redactions", "DOCUMENT"),
    "report": ("report", "DOCUMENT"),
    "schedule": ("schedule", "--print", "--all-nodes", "--claim", "x"),
    "schema": ("schema",),
    "version": ("version", "--client"),
    "help": ("--help",),
    "help of a verb": ("diff", "--help"),
    "TAB": ("__complete", "1", "--", "chec"),
}
# What the shell does with the streams, and how the verb ends; {} is the program.
UNWRITABLE = {"full": "{} >/dev/full", "closed": "{} >&-"}
UNHEARD = {
    "stderr full": "{} 2>/dev/full",
    "stderr closed": "{} 2>&-",
    "nobody reads stderr": "{} 2> >(exec true)",
    "stdin closed": "{} <&-",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A kubeconfig of a server that has one object of a run."""
    labels = {MANAGED_BY_LABEL: NAME, NAME_LABEL: NAME, RUN_LABEL: "aaaaaaaaaa"}
    item = {"metadata": {"name": "x", "namespace": "ops", "uid": "1", "labels": labels}}

    def answer(exchange: Exchange) -> None:
        exchange.send(200, {"items": [item] if "/configmaps" in exchange.path else []})

    with serve(answer) as server:
        directory = tmp_path_factory.mktemp("cluster")
        yield write_kubeconfig(directory / "config", {"server": server.url}, {"token": "t"})


@pytest.fixture(scope="module")
def fleet(document: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    snapshot = parse_document(document.read_text())
    nodes = dict.fromkeys(("a", "b"), snapshot)
    return write_fleet(tmp_path_factory.mktemp("fleets") / "fleet", nodes)


@pytest.fixture
def words(request: pytest.FixtureRequest, document: Path, fleet: str, cluster: str) -> list[str]:
    known = {"DOCUMENT": str(document), "FLEET": fleet, "CLUSTER": cluster}
    return [known.get(word, word) for word in VERBS[request.param]]


every_verb = pytest.mark.parametrize("words", VERBS, indirect=True)


def test_every_verb_is_here() -> None:
    assert set(COMMANDS) <= set(VERBS)


@every_verb
@pytest.mark.parametrize("script", UNWRITABLE.values(), ids=UNWRITABLE)
def test_data_that_cannot_be_written_is_an_error(
    shell: Shell, words: list[str], script: str
) -> None:
    ended = shell(script, *words)
    assert (ended.returncode, ended.stdout) == (8, "")
    assert shell(f"{script} 2>&-", *words).returncode == 8
    if "__complete" in words:
        return
    assert ended.stderr.startswith("error: cannot write to stdout\n  why: ")
    errors = [line for line in ended.stderr.splitlines() if not line.startswith("warning: ")]
    assert len(errors) == 2
    assert errors[1] in ("  why: No space left on device", "  why: it is closed")


@every_verb
def test_what_nobody_hears_is_dropped_and_the_data_written(shell: Shell, words: list[str]) -> None:
    usual = shell("{}", *words)
    assert usual.returncode == 0 and usual.stdout
    for name, script in UNHEARD.items():
        ended = shell(script, *words)
        assert ended.returncode == 0, name
        assert len(ended.stdout.splitlines()) == len(usual.stdout.splitlines()), name


@every_verb
def test_a_reader_of_stdout_may_leave(shell: Shell, words: list[str]) -> None:
    ended = shell("set -o pipefail; {} | true", *words)
    assert ended.returncode == (0 if words[0] not in ANSWERING or "--help" in words else 8)
    assert "error" not in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.parametrize("script", UNHEARD.values(), ids=UNHEARD)
def test_an_error_keeps_its_code_where_nobody_reads_it(shell: Shell, script: str) -> None:
    assert shell(script, "chekc").returncode == 2
    assert shell(script + " >&-", "query", "/none.yaml", "OS").returncode == 3


def test_stderr_and_stdout_to_a_reader_that_leaves(shell: Shell, tmp_path: Path) -> None:
    """`2>&1 | head -1` takes the first line of progress: the file is written all the same."""
    path = tmp_path / "node.json"
    ended = shell("set -o pipefail; {} 2>&1 | head -1", "--local", "-o", str(path))
    assert ended.returncode == 0
    assert json.loads(path.read_text())["kind"] == "Snapshot"


def test_a_non_blocking_pipe_that_is_full_is_waited_for(shell: Shell, document: Path) -> None:
    unblock = f"{sys.executable} -c 'import os; os.set_blocking(1, False)'"
    ended = shell(f"({unblock}; {{}}) | (sleep 0.5; wc -c)", "query", str(document), "-o", "json")
    usual = shell("{} | wc -c", "query", str(document), "-o", "json")
    assert (ended.stdout, ended.stderr) == (usual.stdout, "")


def test_stdin_that_is_closed_is_no_empty_document(shell: Shell) -> None:
    ended = shell("{} <&-", "query", "-", "OS")
    assert ended.returncode == 2
    assert ended.stderr == (
        "error: cannot read stdin\n  why: it is closed\n hint: pass a file that you can read\n"
    )


def test_no_file_becomes_a_closed_stream(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    ended = shell("{} 2>&- >&- <&-", "--local", "-v", "-o", str(path))
    assert ended.returncode == 0
    assert json.loads(path.read_text())["kind"] == "Snapshot"


def test_of_two_outputs_the_other_is_written(shell: Shell, document: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    outputs = ["-o", "/dev/full", "-t", "json", "-o", str(path), "-o", "/none/x.json"]
    ended = shell("{}", "--local", "-o", "/dev/full", "-o", str(path), "-t", "json")
    assert (ended.returncode, path.exists()) == (8, True)
    assert "error: cannot write /dev/full\n  why: No space left on device\n" in ended.stderr
    assert f"written to {path}" in ended.stderr and "written to /dev/full" not in ended.stderr
    for verb in (["query", str(document)], ["check", str(document), "-c", "OS.release.ID != x"]):
        path.unlink()
        ended = shell("{} >/dev/full", *verb, "-o", "json", "-o", str(path))
        assert (ended.returncode, path.exists()) == (8, True), verb
    path.unlink()
    ended = shell("{}", "query", str(document), *outputs)
    assert (ended.returncode, path.exists()) == (8, False), "a missing directory is found before"
    ended = shell(
        "{} | true",
        "check",
        str(document),
        "-c",
        "OS.release.ID != x",
        "-o",
        "text",
        "-o",
        str(path),
    )
    assert json.loads(path.read_text())
