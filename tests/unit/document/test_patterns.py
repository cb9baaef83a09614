from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.systemd.collector import EXCLUDED
from kubectl_snapshot.document.patterns import (
    filter_in,
    filter_out,
    matches_any,
    matches_pattern,
)
from tests.unit.document.strategies import PROPERTY


@pytest.mark.parametrize(
    ("key", "pattern", "matches"),
    [
        ("Id", "Id", True),
        ("InvocationID", "Id", False),
        ("rootfstype", "root", False),
        ("/proc/sys/dev/cdrom/info", "/proc/sys/dev/cdrom/*", True),
        ("LoadCredentialEncrypted", "*Credential*", True),
        ("aXbYc", "a*b*c", True),
        ("abc", "a*b*c", True),
        ("abcd", "a*c", False),
        ("a", "a*a", False),
        ("aa", "a*a", True),
        ("aba", "ab*ba", False),
        ("abcbd", "a*b*b*d", True),
        ("anything", "*", True),
        ("", "*", True),
        ("", "**", True),
        ("", "", True),
        ("", "a", False),
        ("a", "", False),
        ("id", "Id", False),
        ("a", "?", False),
        ("?", "?", True),
        ("a", "[a]", False),
        ("[a]x", "[a]*", True),
        ("a.b", "a.*", True),
        ("axb", "a.*", False),
        ("a\nb", "a*b", True),
    ],
)
def test_a_star_stands_for_any_run_of_characters(key: str, pattern: str, matches: bool) -> None:
    assert matches_pattern(key, pattern) is matches


@PROPERTY
@given(st.text("ab*", max_size=8), st.text("ab*", max_size=8))
def test_it_agrees_with_the_shells_rule_for_stars(key: str, pattern: str) -> None:
    assert matches_pattern(key, pattern) == fnmatch.fnmatchcase(key, pattern)


def test_many_stars_do_not_make_it_slow() -> None:
    assert not matches_pattern("a" * 20_000, "a*" * 5_000 + "b")


def test_filters_keep_the_order_of_the_keys() -> None:
    data = {"root_b": 1, "key": 2, "a_root": 3, "root": 4}
    assert list(filter_out(data, ["root*", "nothing"])) == ["key", "a_root"]
    assert list(filter_in(data, iter(["root*", "a_root"]))) == ["root_b", "a_root", "root"]
    assert filter_out(data, []) == data
    assert filter_in(data, []) == {}


def test_unit_properties_that_hold_credentials_are_excluded() -> None:
    assert matches_any("SetCredentialEncrypted", EXCLUDED)
    assert not matches_any("Environment", EXCLUDED)
