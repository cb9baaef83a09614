from __future__ import annotations

import pytest

from kubectl_snapshot.clients.host.systemd_dbus import Property
from kubectl_snapshot.collectors.systemd.collector import build_readings
from kubectl_snapshot.collectors.systemd.values import find_word, render_set

UNSET = Property("t", 2**64 - 1)


# What `systemctl show` (systemd 252) prints.
@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("LimitNOFILE", "infinity"),
        ("LimitCPUSoft", "infinity"),
        ("MemoryMax", "infinity"),
        ("MemorySwapMax", "infinity"),
        ("MemoryLow", "infinity"),
        ("StartupMemoryHigh", "infinity"),
        ("DefaultMemoryMin", "infinity"),
        ("MemoryLimit", "infinity"),
        ("MemoryAvailable", "infinity"),
        ("TasksMax", "infinity"),
        ("CPUQuotaPerSecUSec", "infinity"),
        ("RuntimeMaxUSec", "infinity"),
        ("MemoryCurrent", "[not set]"),
        ("TasksCurrent", "[not set]"),
        ("MemoryPeak", "[not set]"),
        ("CPUUsageNSec", "[not set]"),
        ("CPUWeight", "[not set]"),
        ("StartupCPUShares", "[not set]"),
        ("IPIngressBytes", "[no data]"),
        ("IOReadOperations", "[no data]"),
        ("IOWriteBytes", "[no data]"),
        ("RestrictNamespaces", "no"),
    ],
)
def test_no_limit_and_unset_are_words(name: str, word: str) -> None:
    assert find_word(name, UNSET) == word
    assert build_readings({name: UNSET}) == {name: word}
    assert find_word(name, Property("t", 2**64 - 2)) is None
    assert find_word(name, Property("x", -1)) is None


def test_masks_and_unknown_numbers_stay_numbers() -> None:
    for name in ("CapabilityBoundingSet", "AmbientCapabilities", "Key"):
        assert find_word(name, UNSET) is None


def test_no_owner_is_not_set() -> None:
    for name in ("UID", "GID"):
        assert find_word(name, Property("u", 2**32 - 1)) == "[not set]"
        assert find_word(name, Property("u", 0)) is None
    assert find_word("MainPID", Property("u", 2**32 - 1)) is None


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (b"", ""),
        (b"\x00", ""),
        (b"\x01", "0"),
        (b"\x03", "0-1"),
        (b"\xff\x01", "0-8"),
        (b"\x0d\x80", "0 2-3 15"),
        (b"\x00\x02", "9"),
    ],
)
def test_a_mask_of_cpus_is_a_list_of_ranges(mask: bytes, text: str) -> None:
    assert render_set(mask) == text
    assert find_word("CPUAffinity", Property("ay", mask)) == text


def test_other_bytes_are_hexadecimal() -> None:
    assert find_word("InvocationID", Property("ay", b"\x00\xab\x10")) == "00ab10"
    assert find_word("InvocationID", Property("ay", [1, 255])) == "01ff"
    for other in (3, -1, [256], ["a"], "text", None):
        assert find_word("InvocationID", Property("ay", other)) is None
