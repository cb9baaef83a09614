"""Firmware and offloads of this machine's own interfaces, which exist wherever tests run."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_snapshot.clients.host.ethtool import (
    FLAGS,
    OFFLOADS,
    parse_firmware,
    read_interface,
)


def read_sysfs(name: str) -> tuple[str, str]:
    directory = Path("/sys/class/net") / name
    index, mac = ((directory / file).read_text().strip() for file in ("ifindex", "address"))
    return index, mac


def test_loopback_has_every_offload_and_no_firmware() -> None:
    firmware, offloads = read_interface("lo", *read_sysfs("lo"))
    assert firmware == ""
    assert offloads.keys() == OFFLOADS.keys() | FLAGS.keys()
    # As drivers/net/loopback.c declares it.
    assert (offloads["generic-segmentation-offload"], offloads["rx-vlan-offload"]) == (True, False)


@pytest.mark.parametrize(
    ("index", "mac"), [("99999", "00:00:00:00:00:00"), ("1", "02:00:00:00:00:01"), ("1", "")]
)
def test_another_interface_of_the_same_name_is_not_asked(index: str, mac: str) -> None:
    assert read_interface("lo", index, mac) == ("", {})


@pytest.mark.parametrize("name", ["", "no-such-one", "x" * 16, "lo\0x", "\u00e9" * 8])
def test_a_name_of_no_interface_has_nothing(name: str) -> None:
    assert read_interface(name, "1", "00:00:00:00:00:00") == ("", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"28.43.1014 (MT_0000000838)", "28.43.1014 (MT_0000000838)"),
        (b"N/A", ""),
        (b"", ""),
        (b"\xff 1", "\\xff 1"),
        (b"x" * 32, "x" * 32),
    ],
)
def test_firmware_of_a_drivers_answer(text: bytes, expected: str) -> None:
    driver = b"mlx5_core".ljust(32, b"\0") + b"6.8.0".ljust(32, b"\0")
    answer = b"\3\0\0\0" + driver + text.ljust(32, b"\0") + b"0000:18:00.0"
    assert parse_firmware(answer) == expected
