"""Tables of memory slots, built after the SMBIOS specification."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.hardware.dmi import Dimm, describe_dimms, parse_dimms

END = bytes((127, 4, 0, 0)) + b"\0\0"
# Its strings have the number of a memory device, and so has the other's area two NULs.
BIOS = bytes((0, 8, 0, 0, 0, 0, 17, 34)) + b"Vendor\x00\x11\x22\0\0"


def slot(
    size: int, kind: int = 0x22, extended: int = 0, speeds: tuple[int, int] = (5600, 4800)
) -> bytes:
    """Return a memory device of version 2.8 with two strings."""
    area = bytearray(0x28)
    area[:4] = bytes((17, len(area), 5, 0))
    struct.pack_into("<H", area, 0x0C, size)
    struct.pack_into("<B", area, 0x12, kind)
    struct.pack_into("<H", area, 0x15, speeds[0])
    struct.pack_into("<I", area, 0x1C, extended)
    struct.pack_into("<H", area, 0x20, speeds[1])
    return bytes(area) + b"DIMM A1\0Samsung\0\0"


def test_slots_of_each_size() -> None:
    table = BIOS + slot(16384) + slot(0x7FFF, extended=65536) + slot(0x8000 | 2048) + slot(0)
    assert parse_dimms(table + slot(0xFFFF, 0x02, speeds=(0xFFFF, 0)) + END + slot(1)) == [
        Dimm(16384, "DDR5", 5600, 4800),
        Dimm(65536, "DDR5", 5600, 4800),
        Dimm(2, "DDR5", 5600, 4800),
        Dimm(0, "DDR5", 5600, 4800),
        Dimm(None),
    ]


def test_a_structure_of_an_older_version_ends_early() -> None:
    short = bytes((17, 0x15, 0, 0)) + bytes(8) + struct.pack("<H", 4096) + bytes(4) + b"\x18\0\0"
    assert parse_dimms(short + b"\0\0" + END) == [Dimm(4096, "DDR3")]
    extended = bytes((17, 0x17, 0, 0)) + bytes(8) + struct.pack("<H", 0x7FFF) + bytes(9)
    assert parse_dimms(extended + b"\0\0" + END) == [Dimm(None)]


def test_a_truncated_or_broken_table_has_what_is_before_its_end() -> None:
    whole = slot(16384) + slot(8192)
    assert [dimm.size_mib for dimm in parse_dimms(whole)] == [16384, 8192]
    assert [dimm.size_mib for dimm in parse_dimms(whole[:-1])] == [16384]
    assert parse_dimms(bytes((17, 3, 0, 0)) + whole) == []
    assert parse_dimms(b"") == []


@given(st.binary(max_size=300))
def test_any_bytes_give_slots(table: bytes) -> None:
    for dimm in parse_dimms(table):
        assert dimm.size_mib is None or dimm.size_mib >= 0


def test_equal_slots_are_told_once_and_others_counted() -> None:
    one = Dimm(32768, "DDR5", 5600, 4800)
    other = Dimm(65536, "DDR5", 5600, 4400)
    assert describe_dimms([one, Dimm(0, "DDR4"), one, other]) == {
        "dimm.slots": 4,
        "dimm.count": 3,
        "dimm.size-mib": "32768 x 2,65536 x 1",
        "dimm.type": "DDR5",
        "dimm.speed-mts": 5600,
        "dimm.configured-speed-mts": "4400 x 1,4800 x 2",
    }


def test_what_is_unknown_is_not_counted() -> None:
    assert describe_dimms([]) == {}
    assert describe_dimms([Dimm(None, "DDR4"), Dimm(1024, "DDR4")]) == {
        "dimm.slots": 2,
        "dimm.type": "DDR4",
    }
    assert describe_dimms([Dimm(0)]) == {"dimm.slots": 1, "dimm.count": 0}
