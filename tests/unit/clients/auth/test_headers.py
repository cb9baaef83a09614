"""Authentication and impersonation headers."""

from __future__ import annotations

import pytest

from kubectl_snapshot.clients.auth.headers import impersonation_headers
from kubectl_snapshot.errors import InvalidRequest


def test_impersonation_has_a_header_for_each_value() -> None:
    user = {
        "as": "ann",
        "as-groups": ["a", "b"],
        "as-uid": "7",
        "as-user-extra": {"example.org/Scope": ["x", "y"]},
    }
    assert impersonation_headers(user) == [
        ("Impersonate-User", "ann"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-example.org%2Fscope", "x"),
        ("Impersonate-Extra-example.org%2Fscope", "y"),
    ]


def test_a_name_with_a_line_break_does_not_become_a_header() -> None:
    with pytest.raises(InvalidRequest):
        impersonation_headers({"as": "ann\r\nImpersonate-Group: system:masters"})


def test_a_name_beyond_latin_goes_as_utf_8() -> None:
    ((_, value),) = impersonation_headers({"as": "Łukasz"})
    assert value.encode("latin-1").decode() == "Łukasz"
