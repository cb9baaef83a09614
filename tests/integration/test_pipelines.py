"""The pipelines for GitHub and GitLab: well-formed, pinned, and of commands that exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.releases import ROOT
from tests.lab import build

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*")
GITLAB = ROOT / ".gitlab-ci.yml"


def test_actionlint_accepts_the_workflows() -> None:
    if not shutil.which("go"):
        pytest.skip("this needs Go, to build actionlint")
    with build.lock():
        build.build_actionlint()
    command = [build.BIN / "actionlint", "-shellcheck=", "-pyflakes=", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_tokens_only_read(path: Any) -> None:
    text = path.read_text()
    used = [line.strip(" -") for line in text.splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def list_commands() -> Iterator[str]:
    """Yield each line of shell of all pipelines."""
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                yield from step.get("run", "").splitlines()
    for job in yaml.safe_load(GITLAB.read_text()).values():
        if isinstance(job, dict):
            yield from job.get("script", ())


def test_what_they_run_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    seen = set()
    for line in list_commands():
        for program in re.findall(r"(?:^|\s)((?:scripts/|\.ci/)[\w-]+)", line):
            assert os.access(ROOT / program, os.X_OK), program
            seen.add(program)
        for targets in re.findall(r"(?:^|then )make ([a-z -]+)", line):
            for target in targets.split():
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
                seen.add(target)
    assert seen >= {".ci/run", "scripts/release", "scripts/verify-release", "test-matrix", "docs"}
