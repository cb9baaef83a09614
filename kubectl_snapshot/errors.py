"""All error classes and their exit codes. Pure.

An expected failure is a SnapshotError: what failed, why (the message of the server or the kernel),
and a command or flag to try next. The codes are those of the reference (NVIDIA AICR, `pkg/errors`).
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_UNCLASSIFIED = 1
# `check` failed, `diff` found differences.
EXIT_NO = 1
EXIT_GAPS = 10
EXIT_INTERRUPTED = 130

EXIT_CODES = {
    "INVALID_REQUEST": 2,
    "METHOD_NOT_ALLOWED": 2,
    "NOT_FOUND": 3,
    "UNAUTHORIZED": 4,
    "TIMEOUT": 5,
    "SERVICE_UNAVAILABLE": 6,
    "RATE_LIMIT_EXCEEDED": 7,
    "INTERNAL": 8,
}

WHY_LENGTH = 300


class SnapshotError(Exception):
    """An expected failure, printed in at most three lines.

    `what` names the object and its namespace, `why` is the cause in the server's or kernel's words,
    truncated to 300 characters, `hint` is a command or flag. `status` is the HTTP status if an API
    server's answer is the cause, else 0.
    """

    code = ""
    collector_status = "error"

    def __init__(self, what: str, why: str = "", hint: str = "", status: int = 0) -> None:
        self.what = what
        self.why = why if len(why) <= WHY_LENGTH else why[: WHY_LENGTH - 1] + "…"
        self.hint = hint
        self.status = status
        super().__init__(what)

    def __str__(self) -> str:
        text = f"[{self.code}] {self.what}" if self.code else self.what
        return f"{text}: {self.why}" if self.why else text


class InvalidRequest(SnapshotError):
    """Invalid input: a flag, a selector, a document, a name that is in use."""

    code = "INVALID_REQUEST"


class NotFound(SnapshotError):
    """Something that the user named was not found."""

    code = "NOT_FOUND"
    collector_status = "absent"


class Unauthorized(SnapshotError):
    """Credentials are missing or invalid, or permissions are missing (HTTP 401 and 403)."""

    code = "UNAUTHORIZED"
    collector_status = "forbidden"


class Timeout(SnapshotError):
    """A deadline was exceeded."""

    code = "TIMEOUT"
    collector_status = "timeout"


class ServiceUnavailable(SnapshotError):
    """The API server or the node is unreachable or answers 5xx, or no node has room."""

    code = "SERVICE_UNAVAILABLE"


class RateLimitExceeded(SnapshotError):
    """The API server or a registry kept answering 429 (Too Many Requests)."""

    code = "RATE_LIMIT_EXCEEDED"


class Internal(SnapshotError):
    """An internal failure: a corrupt result, a file that cannot be written."""

    code = "INTERNAL"


class Absent(SnapshotError):
    """A collector found that the node or cluster does not have this."""

    code = "NOT_FOUND"
    collector_status = "absent"


class Unavailable(SnapshotError):
    """A collector cannot read this here: no driver, no systemd, not privileged."""

    code = "SERVICE_UNAVAILABLE"
    collector_status = "unavailable"


def exit_code(error: BaseException | None) -> int:
    """Return the exit code of the outermost SnapshotError of a cause chain, 0 for no error."""
    if error is None:
        return EXIT_OK
    while error is not None:
        if isinstance(error, SnapshotError) and error.code:
            return EXIT_CODES.get(error.code, EXIT_UNCLASSIFIED)
        error = error.__cause__
    return EXIT_UNCLASSIFIED


class ReaderLeft(Exception):
    """The reader of stdout closed the pipe, as head does: no message, the rest is not written."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: clean up as after Ctrl-C, exit with 128 plus the signal number."""

    def __init__(self, signal_number: int) -> None:
        self.exit_code = 128 + signal_number
        super().__init__(signal_number)
