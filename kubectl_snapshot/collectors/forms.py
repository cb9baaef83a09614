"""Forms of values that `diff` compares where the values themselves are ignored. Pure.

Apart from the collectors, because `diff` imports them and no collector.
"""

from __future__ import annotations

import re

# Values of `ip=` that set no address (Documentation/admin-guide/nfs/nfsroot.rst;
# dracut.cmdline(7)).
AUTOMATIC = "dhcp dhcp6 auto6 on any off none both bootp rarp ibft either6 link6 link-local".split()


def form_of_ip(text: str) -> str:
    """Return how `ip=` sets the address: the kind of the address, and the words beside it.

    The value is `METHOD`, `DEVICE:METHOD`, or up to ten fields from the address on, parted by `:`.
    """
    kept = [word if word in AUTOMATIC else "<its own>" for word in text.split(":")]
    return ":".join(kept)


def form_of_device(text: str) -> str:
    """Return how a disk or network card is named: `UUID=<its own>`, `/dev/<its own>`."""
    sign, _, _ = text.partition("=")
    if sign != text:
        return f"{sign}=<its own>"
    return f"{text.rpartition('/')[0]}/<its own>" if "/" in text else "<its own>"


def form_of_warnings(text: str) -> str:
    """Return whether hung tasks are reported without limit: the kernel counts a limit down."""
    return "unlimited" if text == "-1" else "limited"


def form_of_provider_id(text: str) -> str:
    """Return the provider of a machine: the id's scheme, `ocid1` of Oracle Cloud, else nothing."""
    scheme, separator, _ = text.partition("://")
    return scheme if separator else text.partition(".")[0] if text.startswith("ocid1.") else ""


# Bits of NVML's clocks event reasons that indicate a fault: HW slowdown, its thermal and its power
# brake part (nvml.h, nvmlClocksEventReason*). The others follow the load.
FAULT_REASONS = 0x08 | 0x40 | 0x80


def mask_event_reasons(text: str) -> str:
    """Return the bits of `clocks.event-reasons` that indicate a fault."""
    try:
        return f"0x{int(text, 16) & FAULT_REASONS:08X}"
    except ValueError:
        return text


def form_of_address(text: str) -> str:
    """Return the form of a PCI address, as `x:x:x.x`."""
    return re.sub("[0-9A-Fa-f]+", "x", text)
