"""Run `nvidia-smi -q -x` of the node: the fallback if NVML's library cannot be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.gpu.driver_files import PROGRAM_DIRECTORIES
from kubectl_snapshot.clients.host.child import run_program
from kubectl_snapshot.errors import Internal, Timeout, Unavailable

if TYPE_CHECKING:
    from kubectl_snapshot.clients.gpu.driver_files import DriverFiles

# nvidia-smi(1), "Return Value": no permission, driver not loaded, library not found.
UNAVAILABLE_STATUSES = (4, 9, 12)


def read_report(files: DriverFiles, deadline: float) -> bytes:
    """Return the XML report; `deadline` is a time.monotonic() value.

    Raises Unavailable (no nvidia-smi, no driver, no permission), Timeout, or Internal with the
    output of nvidia-smi.
    """
    if not files.program:
        searched = ", ".join(PROGRAM_DIRECTORIES)
        raise Unavailable("nvidia-smi not found on the node", why=f"searched {searched}")
    output = run_program(build_command(files), deadline)
    if output.status is None:
        raise Timeout("nvidia-smi timed out", why="it was killed at the deadline")
    if output.status:
        message = output.content.decode("utf-8", "backslashreplace").strip()
        error = Unavailable if output.status in UNAVAILABLE_STATUSES else Internal
        raise error(f"nvidia-smi exited with status {output.status}", why=message)
    return output.content


def build_command(files: DriverFiles) -> list[str]:
    """Return the command line, run by the node's own dynamic linker if it was found.

    nvidia-smi and its libraries are built for the node's C library; the pod's image may have
    another one (musl) or an older version.
    """
    arguments = [files.program, "-q", "-x"]
    if not files.loader:
        return arguments
    return [files.loader, "--library-path", ":".join(files.library_directories), *arguments]
