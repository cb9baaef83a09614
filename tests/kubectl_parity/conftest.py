"""The servers of a worker, and kubectl in one version or all of the matrix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.cluster.support import refuse_skip
from tests.kubectl_parity import binaries
from tests.kubectl_parity.case import Case
from tests.kubectl_parity.programs import ZIPAPP, Program, kubectl
from tests.kubectl_parity.world import World, run_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with run_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's cache directory that the zipapp unpacks into once."""
    assert ZIPAPP.exists(), "run `make zipapp` first"
    return tmp_path_factory.mktemp("cache")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kubectl_version" in metafunc.fixturenames:
        metafunc.parametrize("kubectl_version", binaries.versions(), scope="session")


@pytest.fixture
def theirs(kubectl_version: str, case: Case) -> Program:
    """kubectl of one version; skips what this machine cannot run."""
    path = binaries.kubectl_path(kubectl_version)
    if not path.exists() and shutil.which("go") is None:
        pytest.skip(f"no kubectl {kubectl_version} in {path.parent}, and no Go to build it")
    if case.in_pod and os.geteuid() != 0:
        pytest.skip("a pod's files need root: a mount namespace")
    return kubectl(str(binaries.ensure_kubectl(kubectl_version)), kubectl_version)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report
