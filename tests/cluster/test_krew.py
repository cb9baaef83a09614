"""A release through krew itself: its own validator, install, run by kubectl, uninstall."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from kubectl_snapshot import __version__
from tests.cluster.conftest import Finished
from tests.cluster.support import PYTHON, Cluster, assert_nothing_left, run
from tests.integration.releases import ARCHIVE, Release, build_release, run_script
from tests.lab import build
from tests.validation import parse_valid


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass(frozen=True)
class Krew:
    """krew with a root of its own; its plugins are on the PATH of `environment`."""

    root: Path
    environment: dict[str, str]

    def kubectl(self, *words: str) -> Finished:
        done = run(["kubectl", *words], self.environment, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """A release whose archive can be downloaded from where its manifest says."""
    directory = tmp_path_factory.mktemp("release")
    handler = functools.partial(QuietHandler, directory=str(directory / "out"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield build_release(directory, f"--base-url={url}")
        server.shutdown()


@pytest.fixture
def krew(cluster: Cluster, tmp_path: Path) -> Krew:
    if not shutil.which("go"):
        pytest.skip("this needs Go, to build krew")
    with build.lock():
        build.build_krew()
    root, bins = tmp_path / "krew", tmp_path / "bin"
    bins.mkdir()
    (bins / "kubectl-krew").symlink_to(build.BIN / "krew")
    path = [root / "bin", bins, Path(cluster.kubectl_path).parent, Path(PYTHON).parent]
    environment = {
        **cluster.environment(),
        "PATH": os.pathsep.join([*map(str, path), os.defpath]),
        "KREW_ROOT": str(root),
        "KREW_NO_UPGRADE_CHECK": "1",
    }
    return Krew(root, environment)


def test_krews_own_validator_installs_it(krew: Krew, release: Release) -> None:
    program = build.BIN / "validate-krew-manifest"
    manifest = release.directory / "snapshot.yaml"
    done = run([str(program), "-manifest", str(manifest)], krew.environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "all 1 spec.platforms installed fine" in done.stderr


def test_kubectl_runs_what_krew_installs_from_two_files(
    cluster: Cluster, krew: Krew, release: Release, namespace: str
) -> None:
    files = {
        "manifest": release.directory / "snapshot.yaml",
        "archive": release.directory / ARCHIVE,
    }
    flags = [f"--{name}={path}" for name, path in files.items()]
    reported = krew.kubectl("krew", "install", *flags).stderr
    assert "kubectl snapshot completion" in reported
    shown = krew.kubectl("snapshot", "version", "--client", "-o", "json").stdout
    assert f'"version": "{__version__}"' in shown
    captured = krew.kubectl("snapshot", "-n", namespace, "--node", cluster.nodes[0]).stdout
    assert parse_valid(captured).metadata["source-node"] == cluster.nodes[0]
    assert_nothing_left(cluster)


def test_an_index_of_ones_own_offers_it_and_its_next_version(
    krew: Krew, release: Release, tmp_path: Path
) -> None:
    index = shutil.copytree(release.directory / "krew-index", tmp_path / "index")
    commit_all(index)
    krew.kubectl("krew", "index", "add", "ours", str(index))
    found = krew.kubectl("krew", "search", "snapshot").stdout
    assert "ours/snapshot" in found and "Record how nodes" in found
    krew.kubectl("krew", "install", "ours/snapshot")
    assert __version__ in krew.kubectl("snapshot", "version", "--client").stdout

    version = publish_next_version(release, index)
    krew.kubectl("krew", "update")
    krew.kubectl("krew", "upgrade", "snapshot")
    assert version in krew.kubectl("snapshot", "version", "--client").stdout

    krew.kubectl("krew", "uninstall", "snapshot")
    assert not list((krew.root / "bin").glob("kubectl-snapshot*"))
    assert not list((krew.root / "store").iterdir())


def publish_next_version(release: Release, index: Path) -> str:
    """Build the sources as a later version, put it where the first one is, and into the index."""
    version = "99.0.1"
    sources = release.checkout / "kubectl_snapshot" / "__init__.py"
    before = sources.read_text()
    url = read_base_url(index)
    try:
        sources.write_text(before.replace(__version__, version))
        output = release.directory / "next"
        done = run_script(
            release.checkout, "release", f"--output={output}", f"--base-url={url}/next"
        )
        assert done.returncode == 0, done.stderr
    finally:
        sources.write_text(before)
    shutil.copytree(output / "krew-index", index, dirs_exist_ok=True)
    commit_all(index)
    return version


def read_base_url(index: Path) -> str:
    manifest = yaml.safe_load((index / "plugins" / "snapshot.yaml").read_text())
    return str(manifest["spec"]["platforms"][0]["uri"]).rpartition("/")[0]


def commit_all(directory: Path) -> None:
    git = ["git", "-C", str(directory), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "index"]):
        subprocess.run([*git, *words], check=True)
