"""The built file, and starting it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

from tests.integration.pythons import supported
from tests.integration.releases import Release, build_release

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "scripts" / "build-zipapp"

Shell = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Build:
    zipapp: Path
    packages: Path  # what is in it, as files


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return build_zipapp(tmp_path_factory.mktemp("build"))


def build_zipapp(directory: Path) -> Build:
    zipapp = directory / "kubectl-snapshot"
    work = directory / "work"
    command = [sys.executable, str(PROGRAM), "--output", str(zipapp), "--work", str(work)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Build(zipapp, work / "site-packages")


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return build_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(params=supported(), ids=os.path.basename)
def python(request: pytest.FixtureRequest) -> str:
    """Every supported Python of this machine."""
    return str(request.param)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Our directory in the user's cache, as the zipapp will make it."""
    return tmp_path / "cache" / "kubectl-snapshot"


@pytest.fixture
def start(build: Build, cache: Path) -> Start:
    """Return a function that runs the zipapp with a cache of the test's own."""

    def run(*words: str, python: str = sys.executable, flags: str = "-IB", **env: str):
        defaults = {"PATH": os.defpath, "COLUMNS": "100", "XDG_CACHE_HOME": str(cache.parent)}
        return subprocess.run(
            [python, *flags.split(), str(build.zipapp), *words],
            capture_output=True,
            text=True,
            check=False,
            env={name: text for name, text in {**defaults, **env}.items() if text},
        )

    cache.parent.mkdir()
    return run


@pytest.fixture(scope="session")
def shell(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return a function that runs a bash script with the zipapp."""
    home = tmp_path_factory.mktemp("home")

    def run(
        script: str,
        *words: str,
        prefix: Sequence[str] = (),
        before: str = "",
        program: str = f'"{sys.executable}" -IB "{build.zipapp}"',
        **env: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script, after `before`; {} in it is the program with the words."""
        script = before + script.replace("{}", f'{program} "$@"')
        return subprocess.run(
            [*prefix, "bash", "-c", script, "bash", *words],
            env={"PATH": os.environ["PATH"], "HOME": str(home), **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture(scope="session")
def document(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "here.yaml"
    assert shell("{}", "--local", "-o", str(path)).returncode == 0
    path.chmod(0o644)
    return path
