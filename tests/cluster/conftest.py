"""Fixtures of the cluster tests: one cluster per run, a namespace per test, the built zipapp.

SNAPSHOT_TEST_CLUSTER=1 uses the cluster of KUBECONFIG, SNAPSHOT_TEST_LAB=NAME a lab cluster that
is up; else the lab is brought up for this run. SNAPSHOT_REQUIRE_CLUSTER=1 makes a skip a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.cluster import support
from tests.lab import requirements
from tests.lab.machine import PATIENCE_S

HERE = Path(__file__).parent
SKIP_REASON = pytest.StashKey[str]()
# A property of a test: a line for the end of the run. Tests may run in several processes.
FIGURES = "figures"
COUNTED = "cluster test"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}

Finished = subprocess.CompletedProcess[str]
Started = subprocess.Popen[str]


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[support.Cluster]:
    home = tmp_path_factory.mktemp("home")
    with find_cluster(request.config, home) as found, closing(found.client):
        yield found


@contextmanager
def find_cluster(config: pytest.Config, home: Path) -> Iterator[support.Cluster]:
    if os.environ.get("SNAPSHOT_TEST_CLUSTER") == "1":
        yield support.use_kubeconfig(home)
        return
    if os.environ.get("SNAPSHOT_TEST_LAB"):
        yield support.use_lab(os.environ["SNAPSHOT_TEST_LAB"], home)
        return
    missing = requirements.find_missing()
    if missing:
        reason = f"the lab cannot run here: missing {missing}; {requirements.INSTEAD}"
        config.stash[SKIP_REASON] = reason
        pytest.skip(reason)
    capture = config.pluginmanager.getplugin("capturemanager")

    def run_kit(*argv: str) -> None:
        # Uncaptured: the first build on a machine takes minutes, and says what it is at.
        with capture.global_and_fixture_disabled():
            subprocess.run([sys.executable, "-B", str(support.KIT), *argv], check=True)

    with support.temporary_lab(run_kit) as name:
        yield support.use_lab(name, home)


@pytest.fixture
def namespace(cluster: support.Cluster) -> Iterator[str]:
    with support.temporary_namespace(cluster) as name:
        yield name


@pytest.fixture
def restricted_namespace(cluster: support.Cluster) -> Iterator[str]:
    """A namespace that enforces Pod Security `restricted`."""
    with support.temporary_namespace(cluster, RESTRICTED) as name:
        yield name


@pytest.fixture(scope="session")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return support.ensure_zipapp(tmp_path_factory.mktemp("zipapp"))


@pytest.fixture(scope="session")
def python_images(cluster: support.Cluster) -> Mapping[str, str]:
    """{"3.11": image, and the same for the oldest and the newest Python of this machine}."""
    return support.load_python_images(cluster)


@pytest.fixture(scope="session")
def run_snapshot(cluster: support.Cluster, zipapp: Path) -> Callable[..., Finished]:
    """Runs the built file to its end, by default as the administrator."""

    def run(
        *argv: str,
        kubeconfig: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 2 * PATIENCE_S,
    ) -> Finished:
        environment = {**cluster.environment(kubeconfig), **(env or {})}
        return support.run([support.PYTHON, str(zipapp), *argv], environment, timeout)

    return run


@pytest.fixture
def start_snapshot(cluster: support.Cluster, zipapp: Path) -> Iterator[Callable[..., Started]]:
    """Starts the built file and returns its process, which does not outlive the test."""
    started: list[Started] = []

    def start(*argv: str, kubeconfig: str = "", env: Mapping[str, str] | None = None) -> Started:
        process = subprocess.Popen(
            [support.PYTHON, str(zipapp), *argv],
            env={**cluster.environment(kubeconfig), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and SKIP_REASON in item.config.stash:
        # The same place for all, so that the summary has one line and not one per test.
        report.longrepr = (__file__, 0, item.config.stash[SKIP_REASON])
    support.refuse_skip(report)
    if report.when == "call" and not report.skipped and "cluster" in item.fixturenames:
        report.user_properties.append((COUNTED, True))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    support.refuse_skip(report)
    return report


def pytest_sessionstart(session: pytest.Session) -> None:
    """Build the lab once, for all to see, before several processes bring it up."""
    has_workers = bool(getattr(session.config.option, "numprocesses", None))
    chosen = os.environ.get("SNAPSHOT_TEST_CLUSTER") or os.environ.get("SNAPSHOT_TEST_LAB")
    if has_workers and not chosen and not requirements.find_missing():
        build = [sys.executable, "-B", str(support.KIT), *support.BUILD]
        subprocess.run(build, check=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ended = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    reported = [pair for report in ended for pair in report.user_properties]
    for line in [str(value) for name, value in reported if name == FIGURES]:
        terminalreporter.write_line(line)
    count = sum(name == COUNTED for name, _ in reported)
    terminalreporter.write_line(f"cluster tests run: {count}")
