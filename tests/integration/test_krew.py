"""The manifest of a release, read as krew reads it.

The rules are those of sigs.k8s.io/krew v0.4.4: internal/index/validation/validate.go, and what
internal/installation does with a valid manifest. krew itself runs in tests/cluster/test_krew.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from kubectl_snapshot import __version__
from tests.integration.releases import ARCHIVE, Release

PLATFORMS = [(os, arch) for os in ("linux", "darwin") for arch in ("amd64", "arm64")]
SHORT = 50  # columns that `kubectl krew search` has for a description

Manifest = dict[str, Any]


@pytest.fixture
def manifest(release: Release) -> Manifest:
    loaded: Manifest = yaml.safe_load((release.directory / "snapshot.yaml").read_text())
    return loaded


def test_it_is_a_plugin_of_the_version_that_krew_reads(manifest: Manifest) -> None:
    assert manifest["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2"
    assert manifest["kind"] == "Plugin"


def test_its_name_is_safe_and_the_name_of_its_file(manifest: Manifest) -> None:
    assert re.fullmatch(r"[\w-]+", manifest["metadata"]["name"], re.ASCII)
    assert manifest["metadata"]["name"] == "snapshot"


def test_its_version_is_semantic_and_ours(manifest: Manifest) -> None:
    assert re.fullmatch(r"v\d+\.\d+\.\d+(-[\w.]+)?(\+[\w.]+)?", manifest["spec"]["version"])
    assert manifest["spec"]["version"] == f"v{__version__}"


def test_its_short_description_is_one_line_that_krew_shows_whole(manifest: Manifest) -> None:
    text = manifest["spec"]["shortDescription"]
    assert 0 < len(text) <= SHORT
    assert "\n" not in text and "\r" not in text


def test_its_caveats_name_what_krew_does_not_do(manifest: Manifest) -> None:
    caveats = manifest["spec"]["caveats"]
    assert "3.9" in caveats
    assert "kubectl snapshot completion" in caveats
    assert '"snap"' in caveats


@pytest.mark.parametrize(("os_name", "arch"), PLATFORMS)
def test_each_platform_has_one_complete_entry(
    manifest: Manifest, release: Release, os_name: str, arch: str
) -> None:
    entry = select_platform(manifest, os_name, arch)
    packed = (release.directory / ARCHIVE).read_bytes()
    assert entry["uri"] == ARCHIVE, "no address is made up"
    assert re.fullmatch(r"[a-f0-9]{64}", entry["sha256"])
    assert entry["sha256"] == sha256(packed).hexdigest()
    assert entry["bin"] and all(file["from"] and file["to"] for file in entry["files"])


def test_no_other_platform_is_offered(manifest: Manifest) -> None:
    for os_name, arch in (("windows", "amd64"), ("linux", "386"), ("darwin", "ppc64le")):
        with pytest.raises(ValueError, match="not enough values"):
            select_platform(manifest, os_name, arch)


def test_what_its_files_move_is_the_program_and_its_licence(
    manifest: Manifest, release: Release, tmp_path: Path
) -> None:
    entry = select_platform(manifest, "linux", "amd64")
    staging, installed = tmp_path / "staging", tmp_path / "installed"
    staging.mkdir()
    installed.mkdir()
    subprocess.run(["tar", "-xf", release.directory / ARCHIVE, "-C", staging], check=True)
    for file in entry["files"]:
        assert is_inside(file["from"]) and is_inside(file["to"])
        shutil.move(staging / file["from"], installed / file["to"])
    assert is_inside(entry["bin"])
    assert sorted(path.name for path in installed.iterdir()) == ["LICENSE", entry["bin"]]
    command = [sys.executable, "-I", str(installed / entry["bin"]), "version", "--client"]
    assert __version__ in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def select_platform(manifest: Manifest, os_name: str, arch: str) -> Manifest:
    """Return the only entry whose selector, in `os` and `arch` alone, takes the platform."""
    labels = {"os": os_name, "arch": arch}
    [entry] = [e for e in manifest["spec"]["platforms"] if matches(e["selector"], labels)]
    return dict(entry)


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    """Return whether a label selector takes the labels (k8s.io/apimachinery, LabelSelector)."""
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    assert selector and all(selector.values()), "krew refuses an empty selector"
    wanted = {key: [value] for key, value in selector.get("matchLabels", {}).items()}
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In"
        wanted[expression["key"]] = expression["values"]
    assert set(wanted) <= {"os", "arch"}
    return all(labels[key] in values for key, values in wanted.items())


def is_inside(path: str) -> bool:
    return not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts
