"""scripts/changelog: fragments become a version of CHANGELOG.md."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import docs_support as docs

BEFORE = "# Changelog\n\nIntroduction.\n\n## Unreleased\n\nIn changelog.d.\n"
JOINED = """\
### Added

- It counts.
- It sums.

### Security

- It keeps quiet.
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(docs.ROOT / "scripts/changelog", tmp_path / "scripts")
    (tmp_path / "CHANGELOG.md").write_text(BEFORE)
    (tmp_path / "changelog.d").mkdir()
    fragments = {"README.md": "# Fragments\n", "quiet.security.md": "It keeps quiet.\n"}
    fragments.update({"sum.added.md": "It sums.\n", "count.added.md": "It counts.\n"})
    for name, text in fragments.items():
        (tmp_path / "changelog.d" / name).write_text(text)
    return tmp_path


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(tree / "scripts/changelog"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_version_has_the_fragments_by_kind_and_they_are_gone(tree: Path) -> None:
    done = run(tree, "0.2.0", "2026-11-30")
    assert (done.returncode, done.stderr) == (0, "")
    after = (tree / "CHANGELOG.md").read_text()
    assert after == f"{BEFORE}\n## 0.2.0 - 2026-11-30\n\n{JOINED}"
    assert [path.name for path in (tree / "changelog.d").iterdir()] == ["README.md"]


def test_the_newest_version_stands_first(tree: Path) -> None:
    run(tree, "0.2.0", "2026-11-30")
    (tree / "changelog.d/gone.removed.md").write_text("It no longer sings.\n")
    run(tree, "0.10.0", "2026-12-24")
    after = (tree / "CHANGELOG.md").read_text()
    newest = "\n## 0.10.0 - 2026-12-24\n\n### Removed\n\n- It no longer sings.\n"
    assert after == f"{BEFORE}{newest}\n## 0.2.0 - 2026-11-30\n\n{JOINED}"


def test_without_a_version_it_only_tells(tree: Path) -> None:
    assert run(tree).stdout == JOINED
    assert (tree / "CHANGELOG.md").read_text() == BEFORE
    assert len(list((tree / "changelog.d").iterdir())) == 4


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        (["next"], 'invalid version "next"'),
        (["0.1.9"], "0.1.9 is not newer than 0.2.0"),
        (["0.2.0"], "0.2.0 is not newer than 0.2.0"),
        (["--help"], "usage: scripts/changelog VERSION [DATE]"),
    ],
)
def test_what_cannot_be_released_changes_nothing(
    tree: Path, words: list[str], reported: str
) -> None:
    before = f"{BEFORE}\n## 0.2.0 - 2026-11-30\n\n### Fixed\n\n- It starts.\n"
    (tree / "CHANGELOG.md").write_text(before)
    done = run(tree, *words)
    assert done.returncode == 1
    assert reported in done.stderr
    assert (tree / "CHANGELOG.md").read_text() == before
    assert len(list((tree / "changelog.d").iterdir())) == 4


def test_a_fragment_of_no_kind_is_named(tree: Path) -> None:
    (tree / "changelog.d/odd.improved.md").write_text("It is odd.\n")
    done = run(tree, "0.2.0")
    assert done.returncode == 1
    assert "changelog.d/odd.improved.md" in done.stderr


def test_there_must_be_something_to_release(tree: Path) -> None:
    run(tree, "0.2.0")
    assert "nothing to release" in run(tree, "0.3.0").stderr


def test_our_own_changelog_can_be_released() -> None:
    shown = run(docs.ROOT)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\n## Unreleased\n" in docs.read_page("CHANGELOG.md")
