"""TAB in real shells, through real kubectl and without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shells.shell import Shell

PROGRAMS = ("kubectl snapshot", "kubectl-snapshot")

COMPLETED = {
    "ver": "version ",
    "--quiet che": "--quiet check ",
    "--no-cl": "--no-cleanup ",
    "check snap.yaml --constr": "check snap.yaml --constraint ",
    "--cluster-scope cl": "--cluster-scope client ",
    "--cluster-scope=cl": "--cluster-scope=client ",
    "--privileged=h": "--privileged=host-read ",
    "--context ar": "--context arn:aws:eks:one/two ",
    "--context arn:aws:e": "--context arn:aws:eks:one/two ",
    "check sn": "check snap.yaml ",
    "--kubeconfig sn": "--kubeconfig snap.yaml ",
    "check snap.yaml -o ju": "check snap.yaml -o junit ",
    "-n o": "-n ops ",
    "--node g": "--node gpu-17 ",
    "--node=g": "--node=gpu-17 ",
    "--node-selector pool=g": "--node-selector pool=gpu ",
    "--node-selector node.": "--node-selector node.example.com/a-b=c ",
    "--node-selector pool=gpu --node-selector node.": "--node-selector pool=gpu "
    "--node-selector node.example.com/a-b=c ",
    "--node-selector=node.": "--node-selector=node.example.com/a-b=c ",
    "--kubeconfig=sn": "--kubeconfig=snap.yaml ",
    "check @": "check @live ",
    "check @live --node g": "check @live --node gpu-17 ",
    "--toleration nv": "--toleration nvidia.com/gpu=yes:NoSchedule ",
    "--toleration nvidia.com/gpu=yes:N": "--toleration nvidia.com/gpu=yes:NoSchedule ",
}
# kubectl's scripts for zsh and fish would put these values in a wrong place.
MISPLACED = {
    "--node-selector=pool=g": "--node-selector=pool=gpu ",
    "--node-selector node.example.com/a-b=": "--node-selector node.example.com/a-b=c ",
    "--toleration=nvidia.com/gpu=yes:N": "--toleration=nvidia.com/gpu=yes:NoSchedule ",
}


def press_tab(shell: Shell, line: str) -> str:
    """Return the completed line; on a busy machine one TAB may pass its time limit."""
    completed = line
    for _ in range(3):
        if completed == line:
            completed = shell.complete(line)
    return completed


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("typed", COMPLETED)
def test_tab_completes(shell: Shell, program: str, typed: str) -> None:
    assert press_tab(shell, f"{program} {typed}") == f"{program} {COMPLETED[typed]}"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("typed", MISPLACED)
def test_a_value_is_right_or_not_there(shell: Shell, program: str, typed: str) -> None:
    is_offered = shell.name == "bash" or program == "kubectl-snapshot"
    expected = MISPLACED[typed] if is_offered else typed
    assert shell.complete(f"{program} {typed}") == f"{program} {expected}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_tab_lists_what_there_is_with_its_meaning(shell: Shell, program: str) -> None:
    listed = shell.list(f"{program} ")
    assert "preflight" in listed
    assert "print the client and server versions" in listed


@pytest.mark.parametrize("program", PROGRAMS)
def test_keys_of_labels_are_listed_before_their_values(shell: Shell, program: str) -> None:
    listed = shell.list(f"{program} --node-selector ")
    assert "pool=" in listed and "node.example.com/a-b=" in listed
    listed = shell.list(f"{program} --node-selector po")
    # bash lists only what it would add.
    assert "cpu" in listed and "gpu" in listed


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_has_no_candidate_stays_as_it_was_typed(shell: Shell, program: str) -> None:
    line = f"{program} --job-name sn"
    assert shell.complete(line) == line


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_line_that_was_completed_is_one_that_runs(shell: Shell, program: str) -> None:
    line = shell.complete(f"{program} version --client --qui")
    assert '"agentImage"' in shell.run(f"{line} -o json")


def test_our_own_scripts_evaluate_nothing_that_is_typed(shell: Shell, home: Path) -> None:
    typed = "kubectl-snapshot --job-name $(touch evaluated) --no-cl"
    assert shell.complete(typed) == f"{typed}eanup "
    assert not (home / "work" / "evaluated").exists()
