"""A host tree that a test may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.hosts import VM_UBUNTU, copy_host


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_host(VM_UBUNTU, tmp_path)
