"""Every case whose function exists is answered as the reference answers it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.adapter import FUNCTIONS
from tests.conformance.cases import accepted, answer, read_cases

CASES = read_cases(Path(__file__).with_name("cases.yaml"))


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["id"]) for case in CASES],
)
def test_a_case_is_answered_as_the_reference_answers_it(case: Mapping[str, Any]) -> None:
    assert answer(case) in accepted(case)


def test_every_function_of_the_cases_has_code() -> None:
    assert {case["function"] for case in CASES} <= FUNCTIONS.keys()


def run_on(case_file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.conformance", str(case_file)]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_command_names_each_failing_case_and_counts(tmp_path: Path) -> None:
    case_file = tmp_path / "cases.yaml"
    case_file.write_text(
        "- {id: right, function: ParseType, input: {type: OS}, expected: {ok: true, type: OS}}\n"
        "- {id: wrong, function: FormatFromPath, input: {path: a.yml}, expected: json}\n"
        "- {id: no-error, function: FormatFromPath, input: {path: a}, error: {code: INTERNAL}}\n"
        "- {id: crash, function: FormatFromPath, input: {}, expected: json}\n"
        "- {id: unknown, function: Nothing, input: {}, expected: 1}\n"
    )
    ended = run_on(case_file)
    assert ended.stdout.splitlines() == [
        'wrong: got "yaml", expected "json"',
        'no-error: got "json", expected error INTERNAL',
        "crash: got crash KeyError: 'path', expected \"json\"",
        "unknown: got no function Nothing, expected 1",
        "1 passed, 4 failed",
    ]
    assert ended.returncode == 1


def test_the_command_ends_with_0_when_every_case_passes(tmp_path: Path) -> None:
    case_file = tmp_path / "cases.yaml"
    case_file.write_text("- {id: a, function: FormatFromPath, input: {path: a}, expected: json}\n")
    ended = run_on(case_file)
    assert (ended.stdout, ended.returncode) == ("1 passed, 0 failed\n", 0)
