from __future__ import annotations

import pytest

from kubectl_snapshot import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequest("x"), 2),
        (errors.NotFound("x"), 3),
        (errors.Unauthorized("x"), 4),
        (errors.Timeout("x"), 5),
        (errors.ServiceUnavailable("x"), 6),
        (errors.RateLimitExceeded("x"), 7),
        (errors.Internal("x"), 8),
        (ValueError("x"), 1),
    ],
)
def test_each_class_has_its_exit_code(error: Exception, code: int) -> None:
    assert errors.exit_code(error) == code


def test_the_outermost_structured_error_decides() -> None:
    outer = RuntimeError("wrapper")
    outer.__cause__ = errors.Timeout("inner")
    outer.__cause__.__cause__ = errors.NotFound("innermost")
    assert errors.exit_code(outer) == 5


def test_the_text_has_code_what_and_why() -> None:
    assert str(errors.NotFound("no node matches", "0/2")) == "[NOT_FOUND] no node matches: 0/2"


def test_why_is_at_most_300_characters() -> None:
    assert len(errors.Internal("x", "y" * 1000).why) == 300
