"""HTTP headers of authentication and impersonation. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


def bearer_token(token: str) -> str:
    """Return the Authorization value for a token; a newline at its end is removed."""
    return encode_header(f"Bearer {token.strip()}", "the token")


def basic_login(username: str, password: str) -> str:
    """Return the Authorization value for a user name and password (RFC 7617)."""
    login = _encode(f"{username}:{password}", "a user name or password")
    return "Basic " + base64.b64encode(login).decode()


def impersonation_headers(user: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the Impersonate-* headers of a kubeconfig user, empty without `as`."""
    if not user.get("as"):
        return []
    pairs = [("Impersonate-User", user["as"])]
    pairs += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
    if user.get("as-uid"):
        pairs.append(("Impersonate-Uid", user["as-uid"]))
    for key, values in (user.get("as-user-extra") or {}).items():
        name = "Impersonate-Extra-" + quote(str(key).lower(), safe="!#$&'*+^`|")
        pairs += [(name, value) for value in values or ()]
    return [(name, encode_header(str(value), name)) for name, value in pairs]


def encode_header(value: str, what: str) -> str:
    """Return a header value for http.client: each UTF-8 byte as one Latin-1 character."""
    if any(ord(character) < 32 for character in value):
        raise InvalidRequest(f"{what} contains a control character")
    return _encode(value, what).decode("latin-1")


def _encode(value: str, what: str) -> bytes:
    try:
        # Bytes of a flag or a variable that are not UTF-8 are sent unchanged.
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{what} contains an unpaired surrogate") from error
