"""Fixtures that more than one room's tests need."""

from __future__ import annotations

import gc
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit import gpus


@pytest.fixture(autouse=True)
def process_state() -> Iterator[None]:
    """Undo what a verb sets for its process: handlers of signals, garbage collection."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    threshold = gc.get_threshold()
    yield
    for number, handler in handlers.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
    gc.enable()
    gc.set_threshold(*threshold)


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
