"""The errors of the whole package and the exit codes they end in. Nothing here does I/O.

An expected failure is a SnapshotError: what happened, why (the server's or the kernel's own words),
and the next command to type. The codes are those of the reference (NVIDIA AICR, `pkg/errors`).
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_UNCLASSIFIED = 1
# Of the verbs that answer a question by their exit code.
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
    """An expected failure, told to the user in at most three lines.

    `what` names the object and its namespace, `why` holds at most 300 characters of the source's
    own words, `hint` is a command to type or an option to change. `status` is the HTTP status
    where an API server's answer is the cause, else 0.
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
    """The input is wrong: a flag, a selector, a document, a name that is taken."""

    code = "INVALID_REQUEST"


class NotFound(SnapshotError):
    """Something named by the user is not there."""

    code = "NOT_FOUND"
    collector_status = "absent"


class Unauthorized(SnapshotError):
    """Credentials are missing, refused, or not enough (HTTP 401 and 403)."""

    code = "UNAUTHORIZED"
    collector_status = "forbidden"


class Timeout(SnapshotError):
    """A deadline passed."""

    code = "TIMEOUT"
    collector_status = "timeout"


class ServiceUnavailable(SnapshotError):
    """The API server cannot be reached or answers 5xx."""

    code = "SERVICE_UNAVAILABLE"


class RateLimitExceeded(SnapshotError):
    """The API server answered 429 for longer than we may wait."""

    code = "RATE_LIMIT_EXCEEDED"


class Internal(SnapshotError):
    """Something that should work did not: a broken result, a file that cannot be written."""

    code = "INTERNAL"


class Absent(SnapshotError):
    """A collector looked, and there is none."""

    code = "NOT_FOUND"
    collector_status = "absent"


class Unavailable(SnapshotError):
    """A collector cannot look from here: no driver, no systemd, not privileged."""

    code = "SERVICE_UNAVAILABLE"
    collector_status = "unavailable"


def exit_code(error: BaseException | None) -> int:
    """Return the exit code of a chain's outermost structured error, 0 for none (contract 6)."""
    if error is None:
        return EXIT_OK
    while error is not None:
        if isinstance(error, SnapshotError) and error.code:
            return EXIT_CODES.get(error.code, EXIT_UNCLASSIFIED)
        error = error.__cause__
    return EXIT_UNCLASSIFIED


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: clean up as after Ctrl-C, end with 128 plus the signal's number."""

    def __init__(self, signal_number: int) -> None:
        self.exit_code = 128 + signal_number
        super().__init__(signal_number)
