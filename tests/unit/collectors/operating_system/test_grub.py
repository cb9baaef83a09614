"""Kernel command lines, whole and odd."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.operating_system.grub import (
    parse_command_line,
    parse_lost_parameters,
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "BOOT_IMAGE=/vmlinuz root=UUID=ab ro quiet",
            {"BOOT_IMAGE": "/vmlinuz", "ro": "", "quiet": ""},
        ),
        ("console=tty0 console=ttyS0,115200", {"console": "ttyS0,115200"}),
        ("foo.bar=1=2", {"foo.bar": "1=2"}),
        ('x="a b"', {"x": '"a', 'b"': ""}),
        ("a=1\tb=2 c\n", {"a": "1\tb=2", "c": ""}),
        ("#a=1 b#=2 rootfstype=ext4 root", {"b#": "2", "rootfstype": "ext4"}),
        ("", {}),
    ],
)
def test_a_kernel_command_line_is_parted_at_blanks_only(
    line: str, expected: dict[str, str]
) -> None:
    assert parse_command_line(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=1 b=2 a=3 a", {"repeated.a": "1 3 "}),
        ('x="a  b" y="c"', {"quoted.x": "a  b"}),
        ('"x=a b" y=1', {"quoted.x": "a b"}),
        ('x="a b" x=c', {"repeated.x": "a b c", "quoted.x": "a b"}),
        ('x="a b', {"quoted.x": "a b"}),
        ("root=1 root=2 #a #a a=1\n", {}),
        ('root="a b"', {}),
    ],
)
def test_what_the_rules_of_the_command_line_lose_is_kept_apart(
    line: str, expected: dict[str, str]
) -> None:
    assert parse_lost_parameters(line) == expected


@given(st.text())
def test_any_command_line_loses_nothing_that_it_does_not_hold(line: str) -> None:
    for key, value in parse_lost_parameters(line).items():
        assert key.startswith(("repeated.", "quoted."))
        assert key.startswith("repeated.") or value in line
