"""Response headers: warnings, Retry-After."""

from __future__ import annotations

import time

import pytest

from kubectl_snapshot.clients.kube import calls
from kubectl_snapshot.clients.kube.calls import (
    Retryable,
    parse_date,
    parse_retry_after,
    parse_warnings,
    retry,
)
from kubectl_snapshot.errors import ServiceUnavailable


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


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sat, 28 Nov 2026 15:00:44 GMT", 1795878044.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 1.0),
        ("Sat, 28 Nov 2026 15:00:44 CET", None),
        ("Sat, 28 Foo 2026 15:00:44 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_date_header_is_in_seconds_since_the_epoch(text: str, seconds: float | None) -> None:
    assert parse_date(text) == seconds


def test_a_webhook_that_is_dead_is_not_tried_as_long_as_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "RETRY_WINDOW_S", 60.0)
    monkeypatch.setattr(calls, "WEBHOOK_WINDOW_S", 0.2)
    error = ServiceUnavailable("x", 'failed calling webhook "w"')

    def attempt() -> None:
        raise Retryable(error)

    began = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        retry(attempt, None)
    assert time.monotonic() - began < 5
