"""Ask the kernel whether its clock is synchronized, without changing it."""

from __future__ import annotations

from kubectl_snapshot.errors import Unavailable

# struct timex (include/uapi/linux/timex.h) has 208 bytes; `modes` 0 changes nothing.
TIMEX_BYTES = 256
# `maxerror` is the fourth field; the first is an int, the others are long.
MAX_ERROR = 3
# Microseconds from which a clock counts as not synchronized (systemd, basic/time-util, ntp_synced;
# the kernel's NTP_PHASE_LIMIT).
LIMIT_US = 16_000_000


def is_clock_synchronized() -> bool:
    """Return what `timedatectl show -p NTPSynchronized` says; a pod has the node's clock.

    Raises Unavailable where a sandbox forbids the question.
    """
    try:
        import ctypes  # late: the only question without a file

        fields = (ctypes.c_long * (TIMEX_BYTES // ctypes.sizeof(ctypes.c_long)))()
        library = ctypes.CDLL(None, use_errno=True)
        if library.adjtimex(fields) < 0:
            import os

            why = os.strerror(ctypes.get_errno())
            raise Unavailable("the kernel does not tell the state of its clock", why=why)
    except (ImportError, OSError, AttributeError) as error:
        raise Unavailable("adjtimex(2) is not available", why=str(error)[:200]) from error
    return fields[MAX_ERROR] < LIMIT_US
