from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubectl_snapshot.clients.files.cache import MAX_AGE_S, read_recent, write_recent

KEY = ("nodes", "https://server", "someone")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path)}


def only_file(env: dict[str, str]) -> Path:
    (path,) = (path for path in Path(env["XDG_CACHE_HOME"]).rglob("*") if path.is_file())
    return path


def age(path: Path, seconds: float) -> None:
    written = path.stat().st_mtime
    os.utime(path, (written - seconds, written - seconds))


def test_values_are_read_under_their_key_only(env: dict[str, str]) -> None:
    write_recent(KEY, ["a", "b"], env)
    assert read_recent(KEY, env) == ["a", "b"]
    assert read_recent(("nodes", "https://server", "another"), env) is None


def test_a_key_differs_from_its_joined_parts(env: dict[str, str]) -> None:
    write_recent(("a", "b"), ["x"], env)
    assert read_recent(("ab",), env) is None


def test_values_that_are_stale_or_from_the_future_are_not_read(env: dict[str, str]) -> None:
    write_recent(KEY, ["a"], env)
    age(only_file(env), -60)
    assert read_recent(KEY, env) is None
    age(only_file(env), 60 + MAX_AGE_S)
    assert read_recent(KEY, env) is None


def test_writing_deletes_stale_files(env: dict[str, str]) -> None:
    write_recent(KEY, ["a"], env)
    age(only_file(env), MAX_AGE_S)
    write_recent(("other",), ["b"], env)
    assert only_file(env).read_text() == '["b"]'


BROKEN = {
    "empty": "",
    "cut": "{",
    "numbers": "[1]",
    "a map": "{}",
    "deep": "[[" * 100_000,
    "not UTF-8": "\xff",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_none(env: dict[str, str], content: str) -> None:
    write_recent(KEY, ["a"], env)
    only_file(env).write_text(content, encoding="latin-1")
    assert read_recent(KEY, env) is None


@pytest.mark.parametrize(
    "env", [{}, {"XDG_CACHE_HOME": "cache"}, {"HOME": "MISSING"}, {"XDG_CACHE_HOME": "/proc"}]
)
def test_without_a_cache_directory_nothing_is_cached(env: dict[str, str], tmp_path: Path) -> None:
    env = {name: text.replace("MISSING", str(tmp_path / "missing")) for name, text in env.items()}
    write_recent(KEY, ["a"], env)
    assert read_recent(KEY, env) is None
