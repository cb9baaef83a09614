"""What HTTP needs of text: addresses, queries, header values. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.auth.credentials import header_text
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
_TLS_KEYS = (
    "certificate-authority",
    "certificate-authority-data",
    "insecure-skip-tls-verify",
    "tls-server-name",
)


def parse_server(cluster: Mapping[str, Any]) -> str:
    """Return a cluster's base URL without a login and a slash at its end; raises InvalidRequest.

    Without a scheme it is https if the cluster says anything of TLS (client-go, DefaultServerURL).
    """
    from urllib.parse import urlsplit

    text = cluster["server"]
    if "://" not in text:
        text = f"{'https' if any(cluster.get(key) for key in _TLS_KEYS) else 'http'}://{text}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidRequest(
            "the server of the cluster is not an http or https URL",
            why=f"it is {text.rpartition('@')[2]!r}",
            hint="write it as https://HOST:PORT",
        )
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def with_query(path: str, query: Mapping[str, str] | None) -> str:
    """Return a path with its query."""
    if not query:
        return path
    from urllib.parse import urlencode

    return f"{path}?{urlencode(query)}"


def impersonation_headers(user: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers that act as another user (Kubernetes, user impersonation)."""
    if not user.get("as"):
        return []
    pairs = [("Impersonate-User", user["as"])]
    pairs += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
    if user.get("as-uid"):
        pairs.append(("Impersonate-Uid", user["as-uid"]))
    for key, values in (user.get("as-user-extra") or {}).items():
        from urllib.parse import quote

        name = "Impersonate-Extra-" + quote(str(key).lower(), safe="!#$&'*+^`|")
        pairs += [(name, value) for value in values or ()]
    return [(name, header_text(str(value), name)) for name, value in pairs]


def parse_warnings(values: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of Warning headers (RFC 7234 section 5.5), without control characters."""
    texts = (re.sub(r"\\(.)", r"\1", text) for v in values for text in _WARNING.findall(v))
    return tuple(map(strip_control, texts))


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait (RFC 9110 section 10.2.3: seconds or a date), None if not said."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value.strip())  # which takes off more characters than float() does
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError):
        return None
