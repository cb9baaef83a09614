"""Read firmware and offloads of a network interface by ioctl(2): sysfs has neither.

Sources: include/uapi/linux/ethtool.h, net/ethtool/ioctl.c. Only commands that read, which need
no privileges. The socket is of this process's network namespace.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from array import array

SIOCGIFHWADDR, SIOCGIFINDEX, SIOCETHTOOL = 0x8927, 0x8933, 0x8946
ETHTOOL_GDRVINFO, ETHTOOL_GFLAGS = 0x03, 0x25
# struct ethtool_drvinfo: command, driver, version, firmware, bus, and more.
DRIVER_INFO_BYTES, FIRMWARE = 196, slice(68, 100)
# Names as `ethtool --show-features` has them; each is a command with one number as its answer.
OFFLOADS = {
    "rx-checksumming": 0x14,
    "tx-checksumming": 0x16,
    "scatter-gather": 0x18,
    "tcp-segmentation-offload": 0x1E,
    "generic-segmentation-offload": 0x23,
    "generic-receive-offload": 0x2B,
}
# Bits of the answer to ETHTOOL_GFLAGS.
FLAGS = {
    "tx-vlan-offload": 1 << 7,
    "rx-vlan-offload": 1 << 8,
    "large-receive-offload": 1 << 15,
    "ntuple-filters": 1 << 27,
    "receive-hashing": 1 << 28,
}
NAME_BYTES, REQUEST_BYTES = 16, 40


def read_interface(name: str, index: str, mac: str) -> tuple[str, dict[str, bool]]:
    """Return firmware ("" if the driver tells none) and offloads of an interface.

    `index` and `mac` are what the node's sysfs says: without them the interface of this name is
    another one, of a container or of another machine. Then, and where the driver answers nothing,
    the result is empty.
    """
    encoded = name.encode()
    if not 0 < len(encoded) < NAME_BYTES or "\0" in name:
        return "", {}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
            # Of InfiniBand's 20 bytes the kernel returns the first ones.
            is_same = mac.startswith(_get_mac(control, encoded))
            if not is_same or str(_get_index(control, encoded)) != index:
                return "", {}
            return _get_firmware(control, encoded), _get_offloads(control, encoded)
    except OSError:  # removed meanwhile
        return "", {}


def _get_index(control: socket.socket, name: bytes) -> int:
    answer = fcntl.ioctl(control, SIOCGIFINDEX, name.ljust(REQUEST_BYTES, b"\0"))
    return int(struct.unpack_from("i", answer, NAME_BYTES)[0])


def _get_mac(control: socket.socket, name: bytes) -> str:
    answer = fcntl.ioctl(control, SIOCGIFHWADDR, name.ljust(REQUEST_BYTES, b"\0"))
    return answer[NAME_BYTES + 2 : NAME_BYTES + 8].hex(":")


def _get_firmware(control: socket.socket, name: bytes) -> str:
    return parse_firmware(_ask(control, name, ETHTOOL_GDRVINFO, DRIVER_INFO_BYTES))


def parse_firmware(answer: bytes) -> str:
    """Return the firmware of a struct ethtool_drvinfo, "" where the driver tells none."""
    text = answer[FIRMWARE].partition(b"\0")[0].decode("utf-8", "backslashreplace").strip()
    return "" if text in ("N/A", "-") else text


def _get_offloads(control: socket.socket, name: bytes) -> dict[str, bool]:
    found = {}
    for offload, command in OFFLOADS.items():
        answer = _ask(control, name, command, 8)
        if answer:
            found[offload] = _get_number(answer) != 0
    answer = _ask(control, name, ETHTOOL_GFLAGS, 8)
    if answer:
        found.update({flag: _get_number(answer) & bit != 0 for flag, bit in FLAGS.items()})
    return found


def _get_number(answer: bytes) -> int:
    return int(struct.unpack_from("I", answer, 4)[0])


def _ask(control: socket.socket, name: bytes, command: int, size: int) -> bytes:
    """Return the kernel's answer to a command, b"" if the driver does not know it."""
    buffer = array("B", struct.pack("I", command).ljust(size, b"\0"))
    request = struct.pack(f"{NAME_BYTES}sP", name, buffer.buffer_info()[0])
    try:
        fcntl.ioctl(control, SIOCETHTOOL, request.ljust(REQUEST_BYTES, b"\0"))
    except OSError:
        return b""
    return buffer.tobytes()
