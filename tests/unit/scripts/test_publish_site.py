"""A site of several versions: each in a directory, a list of them, the newest first."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "publish-site"
loader = importlib.machinery.SourceFileLoader("publish_site", str(SCRIPT))
spec = importlib.util.spec_from_loader("publish_site", loader)
assert spec
publish_site = importlib.util.module_from_spec(spec)
loader.exec_module(publish_site)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("new")
    return tmp_path / "site"


def test_the_newest_version_is_first_and_led_to(tmp_path: Path, site: Path) -> None:
    published = tmp_path / "published"
    for name in ("0.9.0", "0.10.0", "img"):
        (published / name).mkdir(parents=True)
    publish_site.add_version(published, site, "0.2.0")
    listed = json.loads((published / "versions.json").read_text())
    assert [one["version"] for one in listed] == ["0.10.0", "0.9.0", "0.2.0"]
    assert [one["aliases"] for one in listed] == [["latest"], [], []]
    assert 'content="0; url=0.10.0/"' in (published / "index.html").read_text()


def test_a_version_published_again_replaces_itself_alone(tmp_path: Path, site: Path) -> None:
    published = tmp_path / "published"
    for name in ("0.1.0", "0.2.0"):
        (published / name).mkdir(parents=True)
        (published / name / "old.html").write_text("old")
    publish_site.add_version(published, site, "0.2.0")
    assert [path.name for path in (published / "0.2.0").iterdir()] == ["index.html"]
    assert (published / "0.1.0" / "old.html").exists()
