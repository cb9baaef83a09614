"""The cases of tests/corpora/cli/mistakes.yaml, and what is wrong with a program's answer to one.

The head of that file explains the form. Nothing here knows the code.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "tests" / "corpora" / "cli" / "mistakes.yaml"
FILES = {
    "here.yaml": ROOT / "docs" / "examples" / "snapshots" / "gpu-17.yaml",
    "other.yaml": ROOT / "docs" / "examples" / "snapshots" / "gpu-23.yaml",
    "rules.yaml": ROOT / "docs" / "examples" / "rules" / "gpu-node.yaml",
}
# An error is at most: what failed, why, a hint.
MAX_LINES = 3

Case = Mapping[str, Any]


class Answer(NamedTuple):
    """What a program that ended has said."""

    exit: int
    stdout: str
    stderr: str


def read_cases(needs_cluster: bool | None = None) -> list[Any]:
    """Return the cases as parameters of a test; None: all of them."""
    cases = yaml.safe_load(CORPUS.read_text())
    return [
        pytest.param(case, id=case["id"])
        for case in cases
        if needs_cluster in (None, case["needs_cluster"])
    ]


def write_files(directory: Path) -> None:
    """Put the files that the cases name into their working directory."""
    for name, source in FILES.items():
        shutil.copyfile(source, directory / name)


def find_faults(case: Case, answer: Answer, directory: Path) -> list[str]:
    """Return what is wrong with the answer to a case that ran in `directory`."""
    exits = case["exit"] if isinstance(case["exit"], list) else [case["exit"]]
    both = answer.stdout + answer.stderr
    did_it = case.get("or_works") and answer.exit in (0, 1) and "error" not in answer.stderr
    faults = [f"a file was written: {name}" for name in find_new_files(directory)]
    faults += [f"it says {text!r}" for text in (*case["never"], "Traceback") if text in both]
    if did_it:
        return faults
    if answer.exit not in exits:
        faults.append(f"exit code {answer.exit}, not {case['exit']}")
    if len(answer.stderr.splitlines()) > MAX_LINES:
        faults.append(f"more than {MAX_LINES} lines on stderr")
    faults += [f"stderr lacks {text!r}" for text in case["stderr_has"] if text not in answer.stderr]
    faults += [
        f"stdout lacks {text!r}" for text in case.get("stdout_has", ()) if text not in answer.stdout
    ]
    if not re.search(case.get("stdout_matches", ""), answer.stdout):
        faults.append(f"stdout does not match {case['stdout_matches']!r}")
    return faults


def find_new_files(directory: Path) -> list[str]:
    """Return the files in the directory that `write_files` did not put there."""
    return sorted(path.name for path in directory.iterdir() if path.name not in FILES)
