"""Access Control Services of a PCI bridge: with them, traffic between two devices takes a detour.

Sources: PCI Express Base Specification, 7.7.11; Linux, include/uapi/linux/pci_regs.h. Pure.
"""

from __future__ import annotations

import struct

FIRST, CAPABILITY = 0x100, 0x0D
CONTROL = 6
# In lspci's words: what source validation, blocking, and redirection of requests, of completions,
# upstream forwarding, egress control and direct translated traffic are called there.
CONTROLS = (
    *("SrcValid", "TransBlk", "ReqRedir", "CmpltRedir", "UpstreamFwd", "EgressCtrl"),
    "DirectTrans",
)
OFF, MISSING = "off", "not supported"


def parse_acs(config: bytes) -> str:
    """Return the controls that a configuration space enables, comma-separated; OFF, or MISSING."""
    at = FIRST
    seen = set()
    while FIRST <= at <= len(config) - 4 and at not in seen:
        seen.add(at)
        (header,) = struct.unpack_from("<I", config, at)
        if header & 0xFFFF == CAPABILITY and at + CONTROL + 2 <= len(config):
            (control,) = struct.unpack_from("<H", config, at + CONTROL)
            on = [name for bit, name in enumerate(CONTROLS) if control >> bit & 1]
            return ",".join(on) or OFF
        at = header >> 20
    return MISSING
