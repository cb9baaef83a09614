"""Read the kernel's ring buffer of messages, without waiting for the next one.

Source: Documentation/ABI/testing/dev-kmsg. A read returns one record and changes nothing for other
readers. Permitted: uid 0 or CAP_SYSLOG where kernel.dmesg_restrict is 1, and in a container only if
its device cgroup allows /dev/kmsg, as that of a privileged one does.
"""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING

from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath

LOG = "/dev/kmsg"
# mem(4), devices.txt: the device that this is, whoever named it so.
DEVICE = (1, 11)
# The kernel's own limit of a record with its dictionary (PRINTK_MESSAGE_MAX), and more.
RECORD_BYTES = 8192
# A ring of 16 MiB has some 150,000 records, which take half a second.
MAX_RECORDS = 200_000


class KernelLog(NamedTuple):
    """Records as the device returns them, oldest first; whether all until now are among them."""

    records: tuple[bytes, ...]
    is_whole: bool


def read_kernel_log(host: HostPath, deadline: float) -> KernelLog:
    """Return the records that are in the ring. Raises as HostPath.open_device.

    `deadline` is a time.monotonic() value.
    """
    descriptor = host.open_device(LOG, *DEVICE)
    try:
        return read_records(descriptor, deadline)
    finally:
        os.close(descriptor)


def read_records(descriptor: int, deadline: float, max_records: int = MAX_RECORDS) -> KernelLog:
    """Return what a descriptor that does not block has, a record for each read."""
    records: list[bytes] = []
    while len(records) < max_records and (len(records) % 256 or time.monotonic() < deadline):
        try:
            record = os.read(descriptor, RECORD_BYTES)
        except BlockingIOError:
            return KernelLog(tuple(records), True)
        except OSError as error:
            if error.errno == errno.EPIPE:
                continue  # overwritten meanwhile: the next read is of the oldest that is left
            raise
        if not record:
            return KernelLog(tuple(records), True)
        records.append(record)
    return KernelLog(tuple(records), False)
