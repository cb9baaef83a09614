"""Fixtures that more than one room's tests need."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit import gpus


@pytest.fixture(scope="session")
def built_driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gpus.build_driver(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def library(built_driver: Path, tmp_path: Path) -> Path:
    """The fake driver's library in a directory of the test, set to two GPUs."""
    directory = tmp_path / "driver"
    shutil.copytree(built_driver, directory)
    gpus.configure(directory / gpus.LIBRARY)
    return directory / gpus.LIBRARY
