"""Response headers: warnings, Retry-After."""

from __future__ import annotations

import pytest

from kubectl_snapshot.clients.kube.calls import parse_retry_after, parse_warnings


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
        ("9" * 400, float("inf")),
        ("Thu, 01 Jan 99999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: float | None) -> None:
    assert parse_retry_after(value, now=60.0) == expected
