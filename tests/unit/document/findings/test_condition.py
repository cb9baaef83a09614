from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.all_findings import UNREADABLE
from kubectl_snapshot.document.findings.condition import MAX_VALUE, is_met, parse_condition
from kubectl_snapshot.errors import InvalidRequest

EQUALS = parse_condition("OS.kmod.x == 1")


@pytest.mark.parametrize(("actual", "expected"), [(1, 0), (0, 1)])
def test_a_text_that_takes_long_to_compare_is_not_judged(actual: int, expected: int) -> None:
    left, right = ("x" * (MAX_VALUE + more) for more in (actual, expected))
    with pytest.raises(InvalidRequest, match="too long"):
        is_met(EQUALS, left, right, UNREADABLE)
    assert is_met(EQUALS, "x" * MAX_VALUE, "x" * MAX_VALUE, UNREADABLE)
