"""Run `nvidia-smi -q -x` of the node: the fallback if NVML's library cannot be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.gpu.driver_files import PROGRAM_DIRECTORIES
from kubectl_snapshot.clients.host.child import run_program
from kubectl_snapshot.errors import Internal, Timeout, Unavailable
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from kubectl_snapshot.clients.gpu.driver_files import DriverFiles

# nvidia-smi(1), "Return Value": no permission, driver not loaded, library not found.
UNAVAILABLE_STATUSES = (4, 9, 12)


# A warning is part of a reason.
MAX_WARNING = 300

_TAG = compile_late(rb"<([A-Za-z_][0-9A-Za-z._-]*)")


@dataclass(frozen=True)
class Report:
    """The XML report. `warning` is what nvidia-smi printed around it, and its exit status if not 0.

    With status 14 (infoROM corrupted) and others, the report is whole.
    """

    xml: bytes
    warning: str = ""


def read_report(files: DriverFiles, deadline: float) -> Report:
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
    ended = f"nvidia-smi exited with status {output.status}"
    report = parse_output(output.content)
    if report is None:
        if output.status == 0:
            return Report(output.content)  # its parser says what is wrong
        error = Unavailable if output.status in UNAVAILABLE_STATUSES else Internal
        raise error(ended, why=output.content.decode("utf-8", "backslashreplace").strip())
    if output.status:
        return Report(report.xml, ": ".join(filter(None, (ended, report.warning))))
    return report


def parse_output(content: bytes) -> Report | None:
    """Return the report in an output, stdout and stderr mixed; None if it is not complete."""
    start = max(content.find(b"<?xml"), 0)
    tag = _TAG.search(content, start)
    if tag is None:
        return None
    closing = b"</" + tag[1] + b">"
    end = content.rfind(closing, tag.end())
    if end < 0:
        return None
    if not content.startswith(b"<?xml", start):
        start = tag.start()
    end += len(closing)
    around = content[:start] + b"\n" + content[end:]
    lines = around.decode("utf-8", "backslashreplace").split("\n")
    warning = "; ".join(line.strip() for line in lines if line.strip())
    return Report(content[start:end], warning[:MAX_WARNING])


def build_command(files: DriverFiles) -> list[str]:
    """Return the command line, run by the node's own dynamic linker if it was found.

    nvidia-smi and its libraries are built for the node's C library; the pod's image may have
    another one (musl) or an older version.
    """
    arguments = [files.program, "-q", "-x"]
    if not files.loader:
        return arguments
    return [files.loader, "--library-path", ":".join(files.library_directories), *arguments]
