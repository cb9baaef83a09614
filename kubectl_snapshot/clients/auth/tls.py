"""TLS contexts: trusted CAs, client certificate. Connects to nothing.

The kubeconfig's CA is trusted, else the system's. A key from a kubeconfig is never in a file that
outlives the call.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    import ssl

# ssl.VERIFY_X509_PARTIAL_CHAIN, which Python has since 3.10.
PARTIAL_CHAIN = 0x80000


def build_tls_context(
    authority: bytes, certificate: bytes = b"", key: bytes = b"", is_verified: bool = True
) -> ssl.SSLContext:
    """Return a client's TLS context; an empty `authority` (PEM) trusts the system's CAs.

    Raises InvalidRequest for a CA, certificate or key that OpenSSL rejects. Like Go, it trusts any
    certificate of the CA file as a root, and does not require the extensions that Python 3.13's
    default context requires and many clusters' CAs lack.
    """
    import ssl  # late: 10 ms, and completion answers from a cache without a connection

    class Context(ssl.SSLContext):
        def wrap_socket(self, *arguments: Any, **options: Any) -> Any:
            name = options.get("server_hostname")
            options["server_hostname"] = encode_host(name) if name else None
            return super().wrap_socket(*arguments, **options)

    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # LibreSSL, as some macOS Pythons have it, cannot switch it off; it never matches a common name
    # where there is a subjectAltName.
    if ssl.HAS_NEVER_CHECK_COMMON_NAME:
        context.hostname_checks_common_name = False
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authority:
        context.verify_flags |= PARTIAL_CHAIN
        try:
            # Only comments between the certificates can be other than ASCII.
            context.load_verify_locations(cadata=authority.decode("ascii", "ignore"))
        except (ssl.SSLError, ValueError) as error:
            raise InvalidRequest(
                "invalid certificate authority: not PEM",
                why=ssl_reason(error),
                hint="pass the right file with --certificate-authority",
            ) from error
    else:
        context.load_default_certs()
    if certificate:
        _load_client_certificate(context, certificate, key)
    return context


def encode_host(host: str) -> str | bytes:
    """Return a host's name for socket and ssl: as bytes, if its labels are plain ASCII.

    For a text they load the IDNA codec and its tables, 4 ms, whatever the text is.
    """
    is_plain = host.isascii() and all(0 < len(label) < 64 for label in host.split("."))
    return host.encode() if is_plain else host


def ssl_reason(error: BaseException) -> str:
    """Return OpenSSL's message for an error, without error codes and source lines."""
    verify_message = getattr(error, "verify_message", "")
    reason = getattr(error, "reason", None)
    words = verify_message or (reason.lower().replace("_", " ") if reason else str(error))
    return re.sub(r"^\[[^]]*\] *| *\([^)]*\.c:\d+\)$|\.$", "", str(words))


def _load_client_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a certificate and its key through a memfd or a short-lived temporary file."""
    import ssl

    descriptor, path = _open_private_file()
    try:
        os.write(descriptor, certificate + b"\n" + key)
        context.load_cert_chain(path, password=_refuse_password)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidRequest("invalid client certificate or key", why=ssl_reason(error)) from error
    finally:
        os.close(descriptor)
        if not path.startswith("/proc/"):
            os.unlink(path)


def _open_private_file() -> tuple[int, str]:
    try:
        descriptor = os.memfd_create("client-certificate")
        path = f"/proc/self/fd/{descriptor}"
        if os.path.exists(path):
            return descriptor, path
        os.close(descriptor)
    except (AttributeError, OSError):
        pass
    import tempfile

    return tempfile.mkstemp()


def _refuse_password() -> str:
    """Refuse a password-protected key: OpenSSL would ask for the password on the terminal."""
    raise ValueError("the key is encrypted, which kubectl does not support either")
