"""`nvidia-smi -q -x` of the node: for where our own process cannot load the driver's library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.host.child import run_program
from kubectl_snapshot.errors import Internal, Timeout, Unavailable

if TYPE_CHECKING:
    from kubectl_snapshot.clients.gpu.driver_files import DriverFiles

# nvidia-smi(1), return value: no permission, driver not loaded, library not found.
UNAVAILABLE_STATUSES = (4, 9, 12)


def read_report(files: DriverFiles, deadline: float) -> bytes:
    """Return the XML report by `deadline`, a time.monotonic() value.

    Raises Unavailable (no program), Timeout, or Internal with the program's own words.
    """
    if not files.program:
        raise Unavailable("nvidia-smi is not on the node", why="it is in none of the usual places")
    output = run_program(build_command(files), deadline)
    if output.status is None:
        raise Timeout("nvidia-smi does not answer", why="it was ended at the deadline")
    if output.status:
        words = output.content.decode("utf-8", "backslashreplace").strip()
        error = Unavailable if output.status in UNAVAILABLE_STATUSES else Internal
        raise error(f"nvidia-smi ended with status {output.status}", why=words)
    return output.content


def build_command(files: DriverFiles) -> list[str]:
    """Return the command line, by the node's own dynamic linker where one was found.

    The program and the libraries it loads are built for the node's C library, and the pod's image
    may have another (musl) or an older one.
    """
    arguments = [files.program, "-q", "-x"]
    if not files.loader:
        return arguments
    return [files.loader, "--library-path", ":".join(files.library_directories), *arguments]
