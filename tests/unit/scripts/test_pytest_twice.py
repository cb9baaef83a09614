"""What continuous integration does with a test that fails: it is named, however it ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "pytest-twice"
FLAKY = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_one(number):
    mark = Path(__file__).with_name(f"{{number}}.tried")
    tried = mark.exists()
    mark.touch()
    assert tried and {ends_well}
"""


@pytest.mark.parametrize(
    ("count", "ends_well", "env", "code", "tries"),
    [
        (3, True, {"SNAPSHOT_SECOND_TRY": "1"}, 0, 2),
        (4, True, {"SNAPSHOT_SECOND_TRY": "1"}, 1, 1),
        (1, False, {"SNAPSHOT_SECOND_TRY": "1"}, 1, 2),
        (1, True, {}, 1, 1),
    ],
)
def test_a_few_failed_tests_are_tried_once_more_and_named(
    tmp_path: Path, count: int, ends_well: bool, env: dict[str, str], code: int, tries: int
) -> None:
    test = tmp_path / "test_flaky.py"
    test.write_text(FLAKY.format(count=count, ends_well=ends_well))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SNAPSHOT_", "PYTEST"))}
    ended = subprocess.run(
        [SCRIPT, f"self-test-{os.getpid()}", "--numprocesses", "0", "--rootdir", tmp_path, test],
        env={**environment, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert ended.stdout.count(" test session starts ") == tries
    named = ended.stdout.partition("passed at the second try only:")[2]
    assert named.count("test_one[") == (count if code == 0 else 0)
