"""The forms for issues: as GitHub reads them, and their commands are ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from kubectl_snapshot.commands.all_commands import COMMANDS
from tests import docs_support as docs

FORMS = sorted((docs.ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yaml"))
# docs.github.com, syntax for GitHub's form schema.
TYPES = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_has_what_github_requires(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form["name"] and form["description"]
    parts = form["body"]
    assert {part["type"] for part in parts} <= TYPES
    questions = [part for part in parts if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in questions)
    ids = [part["id"] for part in questions]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_what_a_form_tells_to_type_and_to_read_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    verbs = re.findall(r"`kubectl snapshot ([a-z]+)", text)
    assert set(verbs) <= set(COMMANDS)
    for name in re.findall(r"(?:docs|scripts)/[\w/.-]*\w", text):
        assert (docs.ROOT / name).exists(), name


def test_a_bug_comes_with_the_version_and_a_reviewed_snapshot() -> None:
    text = (docs.ROOT / ".github/ISSUE_TEMPLATE/bug.yaml").read_text(encoding="utf-8")
    assert "`kubectl snapshot version -o json`" in text
    assert "`kubectl snapshot redactions node.yaml`" in text
