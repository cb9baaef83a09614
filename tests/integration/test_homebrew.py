"""The Homebrew formula of a release, installed by Ruby with a stand-in of Homebrew's DSL."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_snapshot import __version__
from tests.integration.releases import ARCHIVE, ROOT, Release

URL = "https://downloads.example.org/kubectl-snapshot/v1"
HOMEBREW = ROOT / "tests" / "fixtures" / "homebrew.rb"


@pytest.fixture
def formula(release: Release, tmp_path: Path) -> Path:
    """The formula of a release with a base URL, made of the files of one without."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import manifests; from pathlib import Path;"
        " manifests.write_manifests(Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), sys.argv[5])"
    )
    words = [release.checkout / "scripts", tmp_path, __version__, release.directory / ARCHIVE, URL]
    subprocess.run([sys.executable, "-B", "-c", program, *map(str, words)], check=True)
    return tmp_path / "kubectl-snapshot.rb"


def test_without_a_base_url_there_is_no_formula(release: Release) -> None:
    assert not (release.directory / "kubectl-snapshot.rb").exists()


def test_it_installs_the_released_file_and_its_completions(
    release: Release, formula: Path, tmp_path: Path
) -> None:
    if not shutil.which("ruby"):
        pytest.skip("this needs ruby")
    unpacked, cellar = tmp_path / "unpacked", tmp_path / "cellar"
    unpacked.mkdir()
    archive = release.directory / ARCHIVE
    subprocess.run(["tar", "-xzf", archive, "-C", unpacked], check=True)
    done = subprocess.run(
        ["ruby", "-W", HOMEBREW, formula, cellar],
        cwd=unpacked,
        env={"PATH": os.defpath, "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    fields = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert fields["url"] == f"{URL}/{ARCHIVE}"
    assert fields["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert (fields["version"], fields["license"]) == (__version__, "Apache-2.0")
    program = cellar / "bin" / "kubectl-snapshot"
    assert program.read_bytes() == (release.directory / "kubectl-snapshot").read_bytes()
    installed = {p.relative_to(cellar).as_posix() for p in cellar.rglob("*") if p.is_file()}
    assert installed == {
        "bin/kubectl-snapshot",
        "bin/kubectl_complete-snapshot",
        "etc/bash_completion.d/kubectl-snapshot",
        "share/fish/vendor_completions.d/kubectl-snapshot.fish",
        "share/zsh/site-functions/_kubectl-snapshot",
    }
    completion = (cellar / "etc/bash_completion.d/kubectl-snapshot").read_text()
    assert "complete -" in completion and "kubectl-snapshot" in completion
