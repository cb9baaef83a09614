"""The tree that the zipapp unpacks into the user's cache: when, once, and by whom it is trusted."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT, Build, Start

# A verb that needs the API client, and so the tree; it ends at once for want of the file.
CLUSTER_VERB = ("version", "--kubeconfig", "/nonexistent/kubeconfig")
NOT_FOUND = 3
MARK = "started from the tree"


def unpack(start: Start, cache: Path) -> Path:
    """Let the zipapp make its tree; return it, marked so that a start from it can be seen."""
    start(*CLUSTER_VERB)
    (tree,) = cache.iterdir()
    with open(tree / "kubectl_snapshot/__init__.py", "a") as file:
        file.write(f"\nimport sys; sys.stderr.write({MARK!r} + '\\n')\n")
    return tree


def test_the_first_use_of_a_cluster_unpacks_for_this_user_alone(start: Start, cache: Path) -> None:
    assert start(*CLUSTER_VERB).returncode == NOT_FOUND
    (tree,) = cache.iterdir()
    assert (tree / "kubectl_snapshot/main.py").is_file()
    assert {path.stat().st_mode & 0o777 for path in (cache, tree)} == {0o700}


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("version", "--client"),
        ("schema",),
        ("collect", "--cluster-scope", "skip", "--host-root", "/"),
    ],
    ids=lambda words: words[0],
)
def test_what_needs_no_cluster_unpacks_nothing(
    start: Start, cache: Path, words: tuple[str, ...]
) -> None:
    assert start(*words).returncode == 0
    assert not cache.exists()


def test_the_next_start_is_from_the_tree(start: Start, cache: Path) -> None:
    unpack(start, cache)
    assert MARK in start(*CLUSTER_VERB).stderr


def test_every_python_runs_from_the_tree(start: Start, cache: Path, python: str) -> None:
    unpack(start, cache)
    answer = start(*CLUSTER_VERB, python=python)
    assert (answer.returncode, MARK in answer.stderr) == (NOT_FOUND, True)


def test_the_next_start_loads_the_modules_from_one_file(
    start: Start, cache: Path, python: str
) -> None:
    assert start(*CLUSTER_VERB, python=python, flags="-I").returncode == NOT_FOUND
    unpack(start, cache)
    (bundle,) = cache.glob("*/*.bundle")
    answer = start(*CLUSTER_VERB, python=python, flags="-I")
    assert (answer.returncode, MARK in answer.stderr) == (NOT_FOUND, False)
    # Another version, and one that was cut off.
    for damage in (b"xxxx" + bundle.read_bytes()[4:], bundle.read_bytes()[:-1], b""):
        bundle.write_bytes(damage)
        answer = start(*CLUSTER_VERB, python=python)
        assert (answer.returncode, MARK in answer.stderr) == (NOT_FOUND, True)


def test_a_file_beside_a_module_is_found_from_the_bundle(start: Start, cache: Path) -> None:
    page = ("report", str(ROOT / "docs/examples/snapshots/gpu-17.yaml"), "-o", "-")
    first, second = (start(*page, flags="-I") for _ in range(2))
    (bundle,) = cache.glob("*/*.bundle")
    assert b"kubectl_snapshot.render.report.page" in bundle.read_bytes()
    assert (first.returncode, second.stdout) == (0, first.stdout)


def test_a_run_without_pyc_files_writes_no_bundle(start: Start, cache: Path) -> None:
    start(*CLUSTER_VERB)
    assert list(cache.glob("*/*.bundle")) == []


@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_a_tree_that_others_can_write_to_is_ignored(start: Start, cache: Path, mode: int) -> None:
    unpack(start, cache).chmod(mode)
    answer = start(*CLUSTER_VERB)
    assert (answer.returncode, MARK in answer.stderr) == (NOT_FOUND, False)


def test_a_directory_around_it_that_others_can_write_to_is_ignored(
    start: Start, cache: Path
) -> None:
    unpack(start, cache)
    cache.chmod(0o777)
    assert MARK not in start(*CLUSTER_VERB).stderr


def test_a_symlink_to_a_tree_is_ignored(start: Start, cache: Path, tmp_path: Path) -> None:
    tree = unpack(start, cache)
    tree.rename(tmp_path / "elsewhere")
    tree.symlink_to(tmp_path / "elsewhere")
    assert MARK not in start(*CLUSTER_VERB).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("whose", ["tree", "cache", "home"])
def test_what_another_user_owns_is_ignored(start: Start, cache: Path, whose: str) -> None:
    tree = unpack(start, cache)
    os.chown({"tree": tree, "cache": cache, "home": cache.parent}[whose], 65534, 65534)
    answer = start(*CLUSTER_VERB)
    assert (answer.returncode, MARK in answer.stderr) == (NOT_FOUND, False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_nothing_is_left_in_the_cache_of_another_user(start: Start, cache: Path) -> None:
    os.chown(cache.parent, 65534, 65534)
    start(*CLUSTER_VERB)
    assert not cache.exists()


def test_without_xdg_cache_home_the_tree_is_below_home(start: Start, tmp_path: Path) -> None:
    start(*CLUSTER_VERB, XDG_CACHE_HOME="", HOME=str(tmp_path))
    assert (tmp_path / ".cache/kubectl-snapshot").is_dir()


def test_a_relative_xdg_cache_home_is_ignored(start: Start, tmp_path: Path) -> None:
    start(*CLUSTER_VERB, XDG_CACHE_HOME="cache", HOME=str(tmp_path))
    assert (tmp_path / ".cache/kubectl-snapshot").is_dir()


def test_without_home_it_runs_from_the_zip(start: Start, python: str) -> None:
    answer = start(*CLUSTER_VERB, python=python, XDG_CACHE_HOME="")
    assert answer.returncode == NOT_FOUND
    assert "Traceback" not in answer.stderr


def test_a_cache_that_cannot_be_written_is_not_worth_a_word(start: Start, cache: Path) -> None:
    plain = start(*CLUSTER_VERB)
    for tree in cache.iterdir():
        tree.rename(cache.parent.parent / "away")
    cache.rmdir()
    cache.write_text("in the way")
    answer = start(*CLUSTER_VERB)
    assert (answer.returncode, answer.stderr) == (plain.returncode, plain.stderr)


def test_a_full_disk_leaves_no_half_tree(build: Build, cache: Path) -> None:
    cache.mkdir(parents=True, mode=0o700)
    answer = subprocess.run(
        [sys.executable, "-IB", build.zipapp, *CLUSTER_VERB],
        env={"XDG_CACHE_HOME": str(cache.parent)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        capture_output=True,
        check=False,
    )
    assert (answer.returncode, list(cache.iterdir())) == (NOT_FOUND, [])


def test_first_starts_at_one_moment_make_one_tree(build: Build, cache: Path) -> None:
    cache.mkdir(parents=True, mode=0o700)
    starts = [
        subprocess.Popen(
            [sys.executable, "-IB", build.zipapp, *CLUSTER_VERB],
            env={"XDG_CACHE_HOME": str(cache.parent)},
            stderr=subprocess.DEVNULL,
        )
        for _ in range(6)
    ]
    assert {process.wait(60) for process in starts} == {NOT_FOUND}
    assert len(list(cache.iterdir())) == 1


def test_trees_unused_for_a_day_are_removed(start: Start, cache: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for directory in (outside, cache / "unused", cache / ".part-dead", cache / "used"):
        directory.mkdir(parents=True, mode=0o700)
        (directory / "file").touch()
    (cache / "link").symlink_to(outside)
    two_days_ago = time.time() - 2 * 24 * 3600
    for name in ("unused", ".part-dead", "link"):
        os.utime(cache / name, (two_days_ago, two_days_ago), follow_symlinks=False)
    cache.chmod(0o700)

    start(*CLUSTER_VERB)
    left = {path.name for path in cache.iterdir()}
    assert {"used", "link"} < left and not {"unused", ".part-dead"} & left
    assert (outside / "file").exists()


def test_use_keeps_a_tree_from_being_removed(start: Start, cache: Path) -> None:
    tree = unpack(start, cache)
    os.utime(tree, (0, 0))
    start(*CLUSTER_VERB)
    assert time.time() - tree.stat().st_mtime < 3600
