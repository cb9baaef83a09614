"""Values of systemd's properties that its own tools write as words, not as numbers. Pure.

Source: systemd, src/shared/bus-print-properties.c and src/systemctl/systemctl-show.c.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.systemd_dbus import Property

UNSET_UINT64, UNSET_UINT32 = 2**64 - 1, 2**32 - 1
INFINITY, NOT_SET, NO_DATA = "infinity", "[not set]", "[no data]"
# Words for UNSET_UINT64, by the property's name; the first match applies.
UNSET_WORDS = (
    ("*USec*", INFINITY),
    ("Limit*", INFINITY),
    ("DefaultLimit*", INFINITY),
    ("IP*", NO_DATA),
    ("IO*Bytes", NO_DATA),
    ("IO*Operations", NO_DATA),
    ("*Current", NOT_SET),
    ("*Peak", NOT_SET),
    ("*NSec", NOT_SET),
    ("*Weight", NOT_SET),
    ("*Shares", NOT_SET),
    ("*Max", INFINITY),
    ("*High", INFINITY),
    ("*Low", INFINITY),
    ("*Min", INFINITY),
    ("*Limit", INFINITY),
    ("*Available", INFINITY),
    # namespace_flags_to_string: all namespaces are allowed.
    ("RestrictNamespaces", "no"),
)
OWNERS = ("UID", "GID")
# Bit masks of CPUs or memory nodes, the first one in the lowest bit.
SETS = (
    *("CPUAffinity", "NUMAMask", "EffectiveCPUs", "EffectiveMemoryNodes"),
    *("StartupAllowedCPUs", "StartupAllowedMemoryNodes"),
)


def find_word(name: str, found: Property) -> str | None:
    """Return a property's value as systemctl writes it, None where the number is as good.

    Numbers that mean "unset" or "no limit", and arrays of bytes.
    """
    if found.signature == "t" and found.value == UNSET_UINT64:
        words = (word for pattern, word in UNSET_WORDS if fnmatchcase(name, pattern))
        return next(words, None)
    if found.signature == "u" and found.value == UNSET_UINT32 and name in OWNERS:
        return NOT_SET
    data = _read_bytes(found.value) if found.signature == "ay" else None
    if data is None:
        return None
    return render_set(data) if name in SETS else data.hex()


def _read_bytes(value: object) -> bytes | None:
    """Return an array of bytes, None for any other value: bytes(3) would be three zeros."""
    try:
        return bytes(value) if isinstance(value, (bytes, list)) else None
    except (TypeError, ValueError):
        return None


def render_set(mask: bytes) -> str:
    """Return the numbers of the bits that are set, as `0-3 8` (cpu_set_to_range_string)."""
    numbers = [i for i in range(len(mask) * 8) if mask[i // 8] >> i % 8 & 1]
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return " ".join("-".join(map(str, ends)) for ends in ranges)
