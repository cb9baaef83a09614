"""Parse the memory devices of a DMI table. Pure.

Source: SMBIOS Reference Specification 3.7 (DMTF DSP0134), sections 6.1 and 7.18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.collectors.sysfs import Data

MEMORY_DEVICE, END = 17, 127
KINDS = {0x12: "DDR", 0x13: "DDR2", 0x18: "DDR3", 0x1A: "DDR4", 0x22: "DDR5"}
KINDS.update({0x1E: "LPDDR4", 0x20: "HBM", 0x21: "HBM2", 0x23: "LPDDR5", 0x24: "HBM3"})
# Offsets of fields, and what they say instead of a value.
SIZE, KIND, SPEED, EXTENDED_SIZE, SET_SPEED = 0x0C, 0x12, 0x15, 0x1C, 0x20
EMPTY, UNKNOWN, IS_EXTENDED, IN_KIB = 0, 0xFFFF, 0x7FFF, 0x8000


class Dimm(NamedTuple):
    """One memory slot: size 0 where it is empty, None where unknown; MT/s, 0 where unknown."""

    size_mib: int | None
    kind: str = ""
    speed_mts: int = 0
    set_speed_mts: int = 0


def parse_dimms(table: bytes) -> list[Dimm]:
    """Return the memory slots of a table; a truncated table has those before its end."""
    return [_parse_dimm(structure) for structure in _iter_structures(table, MEMORY_DEVICE)]


def describe_dimms(dimms: list[Dimm]) -> Data:
    """Return the readings of memory slots; values that differ are counted: `32768 x 2,65536 x 6`.

    Without a slot, or with one whose size is unknown, what depends on it is left out.
    """
    if not dimms:
        return {}
    data: Data = {"dimm.slots": len(dimms)}
    used = [dimm for dimm in dimms if dimm.size_mib != 0]
    if all(dimm.size_mib for dimm in used):
        data["dimm.count"] = len(used)
        data.update(_describe("dimm.size-mib", [dimm.size_mib or 0 for dimm in used]))
    data.update(_describe("dimm.type", [dimm.kind for dimm in used]))
    data.update(_describe("dimm.speed-mts", [dimm.speed_mts for dimm in used]))
    data.update(_describe("dimm.configured-speed-mts", [dimm.set_speed_mts for dimm in used]))
    return data


def _describe(key: str, values: list[str] | list[int]) -> Data:
    kinds = sorted({value for value in values if value})
    if not kinds:
        return {}
    if len(kinds) == 1:
        return {key: kinds[0]}
    return {key: ",".join(f"{kind} x {sum(v == kind for v in values)}" for kind in kinds)}


def _parse_dimm(structure: bytes) -> Dimm:
    size = _number(structure, SIZE, 2)
    if size is None or size == UNKNOWN:
        size_mib = None
    elif size == IS_EXTENDED:
        extended = _number(structure, EXTENDED_SIZE, 4)
        size_mib = None if extended is None else extended & 0x7FFFFFFF
    else:
        size_mib = (size & ~IN_KIB) // 1024 if size & IN_KIB else size
    kind = KINDS.get(_number(structure, KIND, 1) or 0, "")
    speeds = [_number(structure, offset, 2) or 0 for offset in (SPEED, SET_SPEED)]
    return Dimm(size_mib, kind, *(0 if speed == UNKNOWN else speed for speed in speeds))


def _number(structure: bytes, offset: int, size: int) -> int | None:
    """Return a field, None if this version of the structure does not have it."""
    field = structure[offset : offset + size]
    return int.from_bytes(field, "little") if len(field) == size else None


def _iter_structures(table: bytes, kind: int) -> Iterator[bytes]:
    """Yield the formatted areas of the structures of a type; strings follow each, and two NULs."""
    at = 0
    while at + 4 <= len(table) and table[at] != END:
        length = table[at + 1]
        end = table.find(b"\0\0", at + length)
        if length < 4 or end < 0:
            return
        if table[at] == kind:
            yield table[at : at + length]
        at = end + 2
