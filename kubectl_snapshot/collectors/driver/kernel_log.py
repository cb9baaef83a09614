"""Count failures of hardware and drivers in the kernel's log (subtype Driver.kernel-log).

No text of a message is kept: class, code, PCI address and time. Sources of the messages: NVIDIA,
"Xid Errors", "Fabric Manager User Guide" (SXid); drivers/pci/pcie/aer.c, arch/x86/kernel/cpu/mce,
drivers/edac/edac_mc.c, mm/oom_kill.c, kernel/hung_task.c, kernel/watchdog.c.
"""

from __future__ import annotations

import re
from time import gmtime, strftime
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.kernel_log import read_kernel_log
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Internal
from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.clients.host.kernel_log import KernelLog
    from kubectl_snapshot.document.snapshot import Scalar

# One of these is in every message that is counted: patterns are compiled for these only.
WORDS = (
    *(b"NVRM: ", b"SXid ", b"AER: ", b"achine check", b"achine Check", b"EDAC MC"),
    *(b"ut of memory: ", b" blocked for more", b"lockup", b"LOCKUP"),
)
ADDRESS = rb"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-7])?"
CODE = rb"(NVRM: X|nvidia-nvswitch\d*: SX)id \((?:PCI:)?(%s)\): (\d{1,6})\b(?:, (Fatal))?" % ADDRESS
CLASSES = {
    "nvrm.init-failed": rb"^NVRM: .*RmInitAdapter failed",
    "nvrm.fallen-off-bus": rb"^NVRM: .*fallen off the bus",
    "nvrm.version-mismatch": rb"^NVRM: API mismatch",
    "aer.corrected": rb"AER: .*\bCorrect(?:ed|able) error.* received",
    "aer.nonfatal": rb"AER: .*Uncorrect(?:ed|able) \(Non-Fatal\) error.* received",
    "aer.fatal": rb"AER: .*Uncorrect(?:ed|able) \(Fatal\) error.* received",
    "mce": rb"Machine check events logged|Machine Check Exception|Machine Check: ",
    "edac.corrected": rb"^EDAC MC\d+: \d+ CE ",
    "edac.uncorrected": rb"^EDAC MC\d+: \d+ UE ",
    "oom.node": rb"^Out of memory: Kill(?:ed)? process ",
    "oom.cgroup": rb"^Memory cgroup out of memory: Kill(?:ed)? process ",
    "hung-task": rb"^INFO: task .* blocked for more than \d+ seconds",
    "lockup": rb"BUG: soft lockup|hard LOCKUP",
}
# Classes of messages with a code, beside those by code.
TOTALS = ("xid", "sxid", "sxid-fatal")
# There are some 500 codes.
MAX_CLASSES = 200
# `6,1234,5678901,-;text`: syslog priority, sequence number, microseconds since boot, flags.
HEADER = rb"(\d+),(\d+),(\d+),[^;]*;"
# Facilities above the kernel's 0 are of programs that write to /dev/kmsg.
FIRST_OF_PROGRAMS = 8


class Message(NamedTuple):
    """A record: its number, seconds since boot, whether the kernel wrote it, its text."""

    number: int
    seconds: int
    is_kernels: bool
    text: bytes


def read(host: HostPath, deadline: float) -> Subtype:
    """Return what the kernel's log counts. Raises Unavailable without the right to read it."""
    log = read_kernel_log(host, deadline)
    boot_time = re.search(r"(?m)^btime ([0-9]{1,11})$", host.read_text("/proc/stat"))
    if not boot_time:
        raise Internal("/proc/stat of the node has no btime")
    return Subtype("kernel-log", build_readings(log, int(boot_time[1])))


def build_readings(log: KernelLog, boot_time: int) -> dict[str, Scalar]:
    """Return the counts by class and code, and time and PCI address of the last one of each.

    `boot_time` is in seconds since the epoch. Raises Absent for an empty log.
    """
    if not log.records:
        raise Absent("the kernel's log is empty")
    first, last = parse_record(log.records[0]), parse_record(log.records[-1])
    counts = {f"{name}.count": 0 for name in (*TOTALS, *CLASSES)}
    places: dict[str, Scalar] = {}
    for message in _find_messages(log.records):
        for name, address in classify(message.text):
            key = f"{name}.count"
            if key not in counts and len(counts) >= MAX_CLASSES:
                continue
            counts[key] = counts.get(key, 0) + 1
            places[f"{name}.last-time"] = _render_time(boot_time + message.seconds)
            if address:
                places[f"{name}.last-pci-address"] = address
    is_complete = log.is_whole and first.number == 0 and len(log.records) == last.number + 1
    return {
        "complete": is_complete,
        "first-time": _render_time(boot_time + first.seconds),
        "record-count": len(log.records),
        **counts,
        **places,
    }


def _find_messages(records: tuple[bytes, ...]) -> Iterator[Message]:
    """Yield the kernel's messages that have one of the words."""
    together = b"\n".join(records)
    words = [word for word in WORDS if word in together]
    for i in sorted({i for word in words for i, record in enumerate(records) if word in record}):
        message = parse_record(records[i])
        if message.is_kernels:
            yield message


def parse_record(record: bytes) -> Message:
    """Return a record of /dev/kmsg. Raises Internal for another text."""
    header = re.match(HEADER, record)
    if not header:
        raise Internal("/dev/kmsg of the node has a record without header")
    priority, number, time_us = map(int, header.groups())
    is_kernels = priority < FIRST_OF_PROGRAMS
    return Message(number, time_us // 1_000_000, is_kernels, record[header.end() :])


def classify(text: bytes) -> Iterator[tuple[str, str]]:
    """Yield the classes that a message is of, each with the PCI address, "" without one."""
    code = re.match(CODE, text)
    if code:
        address = _normalize(code[2])
        family = "xid" if text.startswith(b"NVRM") else "sxid"
        yield family, address
        yield f"{family}.{int(code[3])}", address
        if family == "sxid" and code[4]:
            yield "sxid-fatal", address
        return
    message = text.partition(b"\n")[0]
    for name, pattern in CLASSES.items():
        if re.search(pattern, message):
            # The last address is the device's; the first may be the port's that reports it.
            places = re.findall(ADDRESS, message)
            yield name, _normalize(places[-1]) if places else ""


def _normalize(address: bytes) -> str:
    """Return a PCI address as sysfs has it; the GPU driver leaves function 0 out."""
    text = address.decode().lower()
    return text if "." in text else f"{text}.0"


def _render_time(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds))
