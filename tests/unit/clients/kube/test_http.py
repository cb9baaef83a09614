"""HTTP as text: addresses, impersonation, warnings, Retry-After."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.clients.kube.http import (
    impersonation_headers,
    parse_retry_after,
    parse_server,
    parse_warnings,
)
from kubectl_snapshot.errors import InvalidRequest


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ({"server": "https://api:6443/"}, "https://api:6443"),
        ({"server": "https://rancher/k8s/clusters/c-1/"}, "https://rancher/k8s/clusters/c-1"),
        ({"server": "https://ann:secret@api"}, "https://api"),
        ({"server": "localhost:8080"}, "http://localhost:8080"),
        ({"server": "api:6443", "certificate-authority": "x"}, "https://api:6443"),
        ({"server": "api:6443", "insecure-skip-tls-verify": True}, "https://api:6443"),
        ({"server": "https://[fd00::1]:6443"}, "https://[fd00::1]:6443"),
    ],
)
def test_a_server_is_an_address_without_a_login(cluster: dict[str, Any], expected: str) -> None:
    assert parse_server(cluster) == expected


@pytest.mark.parametrize("server", ["ftp://x", "https://", "https://a:port", "https://u:secret@"])
def test_what_is_no_server_is_an_invalid_request(server: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_server({"server": server})
    assert "secret" not in str(caught.value)


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


def test_warnings_are_read_from_one_header_and_from_several() -> None:
    headers = ['299 - "one, \\"two\\"", 299 kube "three"', '299 - "four\x1b[0m"', "nonsense"]
    assert parse_warnings(headers) == ('one, "two"', "three", "four [0m")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("7\x1f", 7.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: float | None) -> None:
    assert parse_retry_after(value, now=60.0) == expected
