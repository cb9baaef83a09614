from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.commands.completion import answer as complete
from kubectl_snapshot.commands.completion.answer import (
    Completion,
    find_completion,
    render_completion,
)

NO_FILES, FILES, NO_SPACE = ":4", ":0", ":6"


def ask(*words: str, **env: str) -> list[str]:
    """Return the lines for a command line whose last word is being typed."""
    return render_completion(find_completion(words[:-1], words[-1], env)).splitlines()


def candidates(*words: str, **env: str) -> list[str]:
    return [line.partition("\t")[0] for line in ask(*words, **env)[:-1]]


def test_every_verb_is_offered_with_its_line_of_help() -> None:
    lines = ask("")
    assert lines[-1] == NO_FILES
    assert [line.partition("\t")[0] for line in lines[:-1]] == list(COMMANDS)
    assert "version\tprint the client and server versions" in lines


def test_a_verb_is_completed_after_log_flags_only() -> None:
    assert candidates("--quiet", "ver") == ["version"]
    assert candidates("--node", "a", "ver") == []
    assert candidates("version", "ver") == []


def test_flags_are_offered_once_a_dash_is_typed() -> None:
    assert candidates("--no-c") == ["--no-cleanup"]
    assert {"-n", "--node", "--namespace"} <= set(candidates("-"))
    assert ask("capture", "--run")[0] == "--runtime-class\tRuntimeClass of the pod, such as nvidia"


def test_a_flag_that_can_be_repeated_is_offered_again() -> None:
    assert "--toleration" in candidates("--toleration", "a:NoSchedule", "--tol")


def test_a_description_is_the_first_sentence_of_the_help_in_few_words() -> None:
    assert complete.describe("a node with this label; can be repeated") == "a node with this label"
    assert complete.describe("namespace of it (default: the context's)") == "namespace of it"
    assert len(complete.describe("word " * 50)) == complete.MAX_DESCRIPTION


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["--cluster-scope", ""], ["auto", "client", "agent", "skip"]),
        (["--cluster-scope=c"], ["client"]),
        (["--agent", "in"], ["inject"]),
        (["--privileged="], ["true", "host-read", "false"]),
        (["--strict=a"], ["all-or-nothing"]),
        (["--debug="], ["true", "false"]),
        (["version", "-o", "j"], ["json"]),
        (["check", "x.yaml", "-o", "ju"], ["junit"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_words_that_a_flag_knows_are_its_values(words: list[str], values: list[str]) -> None:
    assert candidates(*words) == values


def test_a_flag_whose_value_may_be_left_out_takes_none_after_a_space() -> None:
    assert candidates("--strict", "") == []
    assert candidates("version", "--client", "-o", "") == ["text", "json"]


@pytest.mark.parametrize(
    "words",
    [
        ["--kubeconfig", ""],
        ["--kubeconfig="],
        ["--redact-key-file", "k"],
        ["-o", "./"],
        ["check", ""],
        ["check", "x.yaml", "-f", ""],
        ["query", "sna"],
        ["diff", ""],
        ["diff", "a.yaml", ""],
        ["report", "a.yaml", "b"],
    ],
)
def test_files_are_left_to_the_shell(words: list[str]) -> None:
    assert ask(*words) == [FILES]


def test_what_is_no_file_is_not_completed_as_one() -> None:
    assert ask("--node", "") == [NO_FILES]
    assert ask("--job-name", "") == [NO_FILES]
    assert ask("version", "") == [NO_FILES]
    assert ask("diff", "a.yaml", "b.yaml", "") == [NO_FILES]


def test_a_snapshot_may_be_a_live_one_which_takes_the_flags_of_a_capture() -> None:
    assert candidates("check", "@") == candidates("diff", "a.yaml", "@") == ["@live"]
    assert candidates("check", "snap.yaml", "--no-c") == []
    assert ask("check", "@live", "--no-c") == ["--no-cleanup", NO_FILES]


@pytest.mark.parametrize(
    "words",
    [["nonsense", ""], ["--image", "a", "--image", "b", "--node="], ["--nope", "x", "y", ""]],
)
def test_a_wrong_command_line_is_answered_with_nothing(words: list[str]) -> None:
    assert ask(*words)[:-1] == []


def test_a_wrong_variable_is_answered_with_nothing() -> None:
    assert ask("--no", KUBECTL_SNAPSHOT_CLUSTER_SCOPE="nonsense") == [NO_FILES]


def test_a_key_awaits_its_value_without_a_blank() -> None:
    assert render_completion(Completion({"pool=": ""})).splitlines() == ["pool=", NO_SPACE]


def test_what_could_act_on_a_terminal_is_not_offered() -> None:
    answer = Completion({"a\x1b[31m": "", "b\nc": "", "d\u202e": "", "e\tf": "", "good": "x\ty"})
    assert render_completion(answer) == "good\tx y\n:4\n"


def test_nothing_is_reported_on_stderr_and_stdin_is_not_read() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kubectl_snapshot", "__complete", "--node", ""],
        env={**os.environ, "KUBECONFIG": "/dev/null/none", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, ":4\n", "")


def test_no_word_at_all_is_an_empty_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kubectl_snapshot", "__complete"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "capture\t" in done.stdout
    assert done.stdout.endswith("\n:4\n")


@pytest.mark.parametrize(
    ("prefix", "is_cut"),
    [
        ("--node-selector=pool", False),
        ("--node-selector=a-b", False),
        ("--node-selector=pool=", True),
        ("--node-selector=a-b=c", True),
        ("pool=", False),
        ("a-b", False),
        ("a-b=", True),
        ("pool=a-b", False),
        ("-n", False),
        ("", False),
    ],
)
def test_what_kubectl_for_zsh_and_fish_would_misplace_is_known(prefix: str, is_cut: bool) -> None:
    assert complete.cuts_values(prefix) is is_cut


def test_a_configmap_is_no_file() -> None:
    assert ask("check", "cm:", KUBECONFIG="/nonexistent")[-1] == NO_FILES
