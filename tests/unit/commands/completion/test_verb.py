from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kubectl_snapshot.commands.completion.scripts import SCRIPTS
from kubectl_snapshot.main import main


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_one_that_its_shell_can_read(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert script == SCRIPTS[shell]
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([program, "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("words", [[], ["tcsh"], ["bash", "zsh"]])
def test_another_shell_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", *words]) == 2
    assert capsys.readouterr().out == ""


def test_installing_says_what_is_there_and_the_lines_to_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "kubectl-snapshot"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["completion", "fish", "--install"]) == 0
    reported = capsys.readouterr().out
    assert f"{tmp_path}/kubectl_complete-snapshot installed; " in reported
    assert "config.fish: kubectl completion fish | source\n" in reported
    assert os.access(tmp_path / "kubectl_complete-snapshot", os.X_OK)
    main(["completion", "fish", "--install"])
    assert "is already installed" in capsys.readouterr().out
