"""Errors of requests: class, words and hint for a status or a failed connection. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Callable

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


class WriteConflict(ServiceUnavailable):
    """A creation lost against another writer (409, reason Conflict): nothing was created.

    The quota admission plugin answers so when pods of a namespace are created at once. An object
    that exists already is a 409 too, with the reason AlreadyExists.
    """


class Retryable(Exception):
    """A failure that is worth a retry; `after_s` is the server's Retry-After."""

    def __init__(self, error: SnapshotError, after_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s


def build_hint(status: int, kubectl: Callable[[str], str]) -> str:
    """Return the hint for a status; `kubectl` renders a command for the same server."""
    if status == 401:
        return f"log in again, then check with {kubectl('auth whoami')}"
    if status == 403:
        return f"list your permissions with {kubectl('auth can-i --list')}"
    if status == 429:
        return "retry later: the API server is overloaded"
    return f"check with {kubectl('cluster-info')}" if status >= 500 else ""


def build_answer_error(doing: str, status: int, body: bytes, hint: str = "") -> SnapshotError:
    """Return the error for a response that is no success; `why` is the server's message."""
    error = BY_STATUS.get(status, ServiceUnavailable if status >= 500 else Internal)
    why = parse_message(body) or f"the server answered {status} without a message"
    return error(f"cannot {doing}", why=why, hint=hint, status=status)


def is_write_conflict(method: str, status: int, body: bytes) -> bool:
    """Return whether the answer is that of a WriteConflict.

    For a deletion, Conflict means that its precondition does not hold.
    """
    reason = (_parse_status(body) or {}).get("reason")
    return method == "POST" and status == 409 and reason == "Conflict"


def explain_login(error: SnapshotError, why: str) -> SnapshotError:
    """Return the error of a refused login with the reason `why`; empty leaves it as it is."""
    if not why:
        return error
    check = f"; {error.hint}" if error.hint else ""
    hint = f"renew the certificate in the kubeconfig, e.g. `kubeadm certs renew admin.conf`{check}"
    return type(error)(error.what, f"{error.why}; {why}", hint, status=error.status)


def is_tls_alert(root: BaseException) -> bool:
    """Return whether TLS failed, but for the server's own certificate: perhaps for the client's."""
    import ssl  # late: 10 ms, and a request that failed has loaded it

    return isinstance(root, ssl.SSLError) and not isinstance(root, ssl.SSLCertVerificationError)


def parse_message(body: bytes) -> str:
    """Return the message of a Status object, or the text of any other body, on one line."""
    status = _parse_status(body)
    if status is None:
        return single_line(body.decode(errors="replace"))
    return single_line(str(status.get("message") or status.get("reason") or ""))


def _parse_status(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def build_network_error(
    error: type[SnapshotError],
    doing: str,
    place: str,
    root: BaseException,
    kubectl: Callable[[str], str] | None = None,
) -> SnapshotError:
    """Return the error for a request without a response; `root` only supplies the words.

    `place` is the server or proxy that failed; `kubectl` renders a command for the same server.
    """
    import ssl  # late: 10 ms, and a request that failed has loaded it

    check = f"check with {kubectl('cluster-info')}" if kubectl else ""
    words, hint = describe_cause(root), check
    if issubclass(error, Timeout):
        why = f"{place} did not answer in time"
    elif isinstance(root, ssl.SSLCertVerificationError):
        why, hint = f"the certificate of {place} is not trusted: {words}", certificate_hint(root)
    elif isinstance(root, ssl.SSLError):
        why = f"no TLS connection with {place}: {words}"
    elif words:
        why = f"{place}: {words}"
        hint = f"{check}, or choose another with --context; {WITHOUT_CLUSTER}" if check else ""
    else:
        why = f"{place} cut the connection"
    return error(f"cannot {doing}", why=why, hint="" if error is InvalidRequest else hint)


def describe_cause(root: BaseException) -> str:
    """Return OpenSSL's, the kernel's or the resolver's words, "" for a connection that was cut."""
    import ssl  # late: see above
    from http.client import BadStatusLine, HTTPException, InvalidURL

    if isinstance(root, ssl.SSLError):
        return ssl_reason(root)
    if isinstance(root, BadStatusLine) and not isinstance(root, ConnectionError):
        return "the answer is not HTTP/1.1"  # HTTP/2, or TLS on a plain connection
    cut = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
    if isinstance(root, cut) or (
        isinstance(root, HTTPException) and not isinstance(root, InvalidURL)
    ):
        return ""
    return (isinstance(root, OSError) and root.strerror) or single_line(str(root))


def certificate_hint(error: BaseException) -> str:
    """Return the hint for a certificate that OpenSSL rejects (x509_vfy.h, X509_V_ERR_*)."""
    code = getattr(error, "verify_code", 0)
    if code in (62, 64):  # hostname mismatch, IP address mismatch
        return "use a name that is in the certificate, or pass one with --tls-server-name"
    if code in (9, 10):  # not yet valid, expired
        return "check this machine's clock and the certificate's dates"
    return (
        "check that the kubeconfig is this cluster's, or pass its CA with --certificate-authority"
    )
