from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.document.path_patterns import PathPatterns, always, find_possible, never
from kubectl_snapshot.document.paths import matches_path
from tests.unit.document.strategies import PROPERTY

PATTERNS = st.lists(
    st.text("abOS.*-/0", max_size=8)
    | st.sampled_from(("GPU.gpu-*.a", "GPU.gpu-*.*", "GPU.gpu-*", "GPU.gpu-*-state.a", "a.b.*")),
    max_size=5,
)
PREFIXES = st.sampled_from(("", "a.b.", "a.", "OS.a.", "GPU.gpu-0.", "GPU.gpu-0-state.", "S.a.b."))


@PROPERTY
@given(PREFIXES, st.lists(st.text("abOS.*-/0", max_size=6), min_size=1, max_size=3), PATTERNS)
def test_many_patterns_match_what_each_of_them_matches(
    prefix: str, keys: list[str], patterns: list[str]
) -> None:
    matches = PathPatterns(patterns).below(prefix)
    for key in keys:
        path = prefix + key
        assert matches(path) == any(matches_path(path, pattern) for pattern in patterns), path


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), never),
        (("OS.kmod.*", "OS.sysctl", "K8s.*.x"), never),
        (("OS.sysctl.*",), always),
        (("OS.*",), always),
        (("*",), always),
    ],
)
def test_what_all_or_no_patterns_match_is_known_without_a_path(
    patterns: tuple[str, ...], expected: object
) -> None:
    assert PathPatterns(patterns).below("OS.sysctl.") is expected


def test_patterns_are_compiled_once_for_a_subtype() -> None:
    patterns = PathPatterns(("OS.*.a", "OS.sysctl.b"))
    assert patterns.below("OS.sysctl.") is patterns.below("OS.sysctl.")
    assert patterns.below("OS.sysctl.") is not patterns.below("OS.kmod.")


@PROPERTY
@given(PREFIXES, st.lists(st.text("abOS.*-/0\n", max_size=6), min_size=1, max_size=5), PATTERNS)
def test_no_path_that_matches_is_missing_from_the_possible_ones(
    prefix: str, keys: list[str], patterns: list[str]
) -> None:
    paths = [prefix + key for key in keys]
    matches = PathPatterns(patterns).below(prefix)
    possible = find_possible(matches, paths)
    assert {path for path in paths if matches(path)} <= possible <= set(paths)


def test_paths_that_have_no_part_of_a_pattern_are_not_possible() -> None:
    matches = PathPatterns(["OS.sysctl.*random*", "OS.sysctl.b", "OS.sysctl.c*"]).below(
        "OS.sysctl."
    )
    paths = [f"OS.sysctl.{key}" for key in ("a", "b", "cd", "x/random/y", "z")]
    assert find_possible(matches, paths) == {paths[1], paths[2], paths[3]}
    assert find_possible(never, paths) == set()
