from __future__ import annotations

import pytest

from kubectl_snapshot.document.fleet.forms import find_differing
from kubectl_snapshot.document.snapshot import Subtype

OURS = {"elapsed-ms": "3"}


@pytest.mark.parametrize(
    ("old", "new", "differing"),
    [
        (OURS, {"elapsed-ms": "4", "reason": "x"}, {"context.elapsed-ms", "context.reason"}),
        ({**OURS, "reason": "x"}, OURS, {"context.reason"}),
        ({**OURS, "reason": "x"}, {**OURS, "reason": "x"}, set()),
        # Only the duration, which is always ignored: no time is spent on it.
        (OURS, {"elapsed-ms": "4"}, set()),
        # Not written by this program: the context adds nothing.
        ({}, {**OURS, "reason": "x", "status": "partial"}, set()),
        ({**OURS, "reason": "x", "status": "partial"}, {}, set()),
    ],
)
def test_a_context_adds_to_what_differs(
    old: dict[str, str], new: dict[str, str], differing: set[str]
) -> None:
    found = list(find_differing(Subtype("s", {}, old), Subtype("s", {}, new)))
    assert set(found) == differing
    assert len(found) == len(differing)


def test_a_boolean_and_a_number_differ() -> None:
    old, new = Subtype("s", {"a": 1, "b": True, "c": 0}), Subtype("s", {"a": True, "b": True})
    assert sorted(find_differing(old, new)) == ["a", "c"]
