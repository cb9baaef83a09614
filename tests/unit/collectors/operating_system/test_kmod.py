"""Contents of /proc/modules."""

from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.operating_system.kmod import parse_modules


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", {}),
        ("nvidia 56623104 2 nvidia_uvm, Live 0x0 (POE)\n", {"nvidia": True}),
        ("\tnvidia\u00a01\n\n# c\nnvidia 2\n", {"nvidia": True}),
    ],
)
def test_modules_are_the_first_words_of_the_lines(content: str, expected: dict[str, bool]) -> None:
    assert parse_modules(content) == expected
