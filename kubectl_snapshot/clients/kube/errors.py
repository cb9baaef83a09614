"""What a refusal or a broken connection means to us and to the user. Pure."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Callable

from kubectl_snapshot.clients.auth.tls import ssl_reason
from kubectl_snapshot.constants import WITHOUT_CLUSTER
from kubectl_snapshot.errors import (
    Internal,
    InvalidRequest,
    NotFound,
    RateLimitExceeded,
    ServiceUnavailable,
    Timeout,
    Unauthorized,
)
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from kubectl_snapshot.errors import SnapshotError

BY_STATUS: dict[int, type[SnapshotError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: InvalidRequest,
    422: InvalidRequest,
    429: RateLimitExceeded,
}
CUT, REFUSED, LASTING = "cut", "refused", "lasting"


class Retryable(Exception):
    """A failure that is worth a retry; `after_s` is the server's Retry-After."""

    def __init__(self, error: SnapshotError, after_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s


def build_hint(status: int, kubectl: Callable[[str], str]) -> str:
    """Return what to do about a refusal; `kubectl` renders a command that asks the same server."""
    if status == 401:
        return f"log in again, then check with {kubectl('auth whoami')}"
    if status == 403:
        return f"see what is allowed with {kubectl('auth can-i --list')}"
    if status == 429:
        return "try again when the API server has less to do"
    return f"check with {kubectl('cluster-info')}" if status >= 500 else ""


def build_answer_error(doing: str, status: int, body: bytes, hint: str = "") -> SnapshotError:
    """Return the error for an answer that is no success; `why` is the server's own message."""
    error = BY_STATUS.get(status, ServiceUnavailable if status >= 500 else Internal)
    why = parse_message(body) or f"the server answered {status} without saying why"
    return error(f"cannot {doing}", why=why, hint=hint, status=status)


def parse_message(body: bytes) -> str:
    """Return the message of an API server's Status object, or the first words of another answer."""
    text = body.decode(errors="replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = text
    if isinstance(answer, dict):
        answer = answer.get("message") or answer.get("reason") or ""
    return single_line(str(answer))


def build_network_error(
    doing: str, place: str, error: BaseException, kubectl: Callable[[str], str]
) -> tuple[SnapshotError, str]:
    """Return the error for a connection that failed, and how it did: CUT, REFUSED or LASTING.

    CUT is worth another try; REFUSED is only where the server has answered before, as one that is
    being restarted has.
    """
    import ssl
    from http.client import HTTPException, InvalidURL

    what = f"cannot {doing}"
    hint = f"check with {kubectl('cluster-info')}"
    root = root_cause(error)
    if isinstance(root, (TimeoutError, socket.timeout)):
        return Timeout(what, why=f"{place} did not answer in time", hint=hint), LASTING
    if isinstance(root, ssl.SSLCertVerificationError):
        why = f"the certificate of {place} is not trusted: {ssl_reason(root)}"
        return ServiceUnavailable(what, why=why, hint=certificate_hint(root)), LASTING
    if isinstance(root, ssl.SSLError):
        how = CUT if isinstance(root, ssl.SSLEOFError) else LASTING
        why = f"no TLS connection with {place}: {ssl_reason(root)}"
        return ServiceUnavailable(what, why=why, hint=hint), how
    if isinstance(root, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)) or (
        isinstance(root, HTTPException) and not isinstance(root, InvalidURL)
    ):
        return ServiceUnavailable(what, why=f"{place} cut the connection", hint=hint), CUT
    if isinstance(root, OSError):
        words = root.strerror or single_line(str(root))
        how = LASTING if isinstance(root, socket.gaierror) else REFUSED
        hint = f"{hint}, or choose another with --context; {WITHOUT_CLUSTER}"
        return ServiceUnavailable(what, why=f"{place}: {words}", hint=hint), how
    return InvalidRequest(what, why=f"{place}: {single_line(str(root))}"), LASTING


def certificate_hint(error: BaseException) -> str:
    """Return what to do about a certificate that OpenSSL refuses (x509_vfy.h, X509_V_ERR_*)."""
    code = getattr(error, "verify_code", 0)
    if code in (62, 64):  # hostname mismatch, IP address mismatch
        return "use a name that the certificate has, or give one of them with --tls-server-name"
    if code in (9, 10):  # not yet valid, expired
        return "check this machine's clock, and the certificate's dates"
    return (
        "check that the kubeconfig is this cluster's, or name its CA with --certificate-authority"
    )


def root_cause(error: BaseException) -> BaseException:
    """Return the innermost exception of a chain; urllib3 puts some into its arguments."""
    while True:
        inside = [arg for arg in error.args if isinstance(arg, BaseException)]
        cause = error.__cause__ or (inside[0] if inside else None)
        if cause is None:
            return error
        error = cause
