"""The `oidc` auth-provider of a kubeconfig: its ID token, and the token's refresh at the issuer.

OpenID Connect Core 1.0 section 12 and RFC 6749 section 6. Like kubectl, this module writes new
tokens back to the kubeconfig: an issuer may accept a refresh token only once, and the next program
needs the new one. Nothing else in the file changes.
"""

from __future__ import annotations

import base64
import json
import os
import time
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import quote_plus

from kubectl_snapshot.clients.auth.kubeconfig import read_secret
from kubectl_snapshot.errors import InvalidRequest, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.auth.access import Access
    from kubectl_snapshot.clients.files.yaml_edit import Path

# URL, headers, form (None: GET), PEM of the trusted CA (b"": the system's) -> status, body
Fetch = Callable[[str, "dict[str, str]", "dict[str, str] | None", bytes], "tuple[int, bytes]"]

# client-go counts a token as expired this long before it is (plugin/pkg/client/auth/oidc).
EXPIRY_MARGIN_S = 10.0
LOGIN_HINT = "log in again with the tool that wrote the kubeconfig"


def read_id_token(
    provider: Mapping[str, Any], access: Access, fetch: Fetch, is_refused: bool
) -> tuple[dict[str, str], float]:
    """Return the provider's config with a valid `id-token`, and its expiry in epoch seconds.

    Asks the issuer if the token has expired or the server refused it. Raises Unauthorized if the
    token cannot be refreshed.
    """
    config = {str(k): v for k, v in (provider.get("config") or {}).items() if isinstance(v, str)}
    expires_at = token_expiry(config.get("id-token", ""))
    if expires_at > time.time() and not is_refused:
        return config, expires_at
    if not config.get("refresh-token"):
        raise Unauthorized(
            f"the login of user {access.user_name} has expired",
            why="its auth-provider has no refresh-token",
            hint=LOGIN_HINT,
        )
    renewed = refresh_tokens(config, access, fetch)
    store_tokens(access, config, renewed)
    return renewed, token_expiry(renewed["id-token"])


def refuse_unsupported(provider: Mapping[str, Any], access: Access) -> None:
    """Raise InvalidRequest for a provider other than oidc, or one that lacks what kubectl wants."""
    if provider.get("name") != "oidc":
        raise InvalidRequest(
            f"auth-provider {provider.get('name')!r} of user {access.user_name} is not supported",
            hint="use an exec plugin: kubectl itself has dropped every provider but oidc",
        )
    config = provider.get("config") or {}
    for key in ("idp-issuer-url", "client-id"):
        if not config.get(key):
            raise InvalidRequest(
                f"auth-provider of user {access.user_name} has no {key}", hint=LOGIN_HINT
            )


def token_expiry(id_token: str) -> float:
    """Return a JWT's expiry less a margin, in epoch seconds; 0 if it has none."""
    parts = id_token.split(".")
    if len(parts) != 3:
        return 0.0
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"]) - EXPIRY_MARGIN_S
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0.0


def refresh_tokens(config: Mapping[str, str], access: Access, fetch: Fetch) -> dict[str, str]:
    """Return the config with new tokens, which the issuer returns for the refresh token."""
    place = f"user {access.user_name}"
    authority = read_secret(config, "idp-certificate-authority", place)
    issuer = config["idp-issuer-url"].rstrip("/")
    status, body = fetch(f"{issuer}/.well-known/openid-configuration", {}, None, authority)
    discovered = _json_object(status, body, issuer, place)
    endpoint = discovered.get("token_endpoint")
    if not isinstance(endpoint, str):
        raise Unauthorized(f"{issuer} has no token endpoint", hint=LOGIN_HINT)

    client, secret = config.get("client-id", ""), config.get("client-secret", "")
    form = {"grant_type": "refresh_token", "refresh_token": config["refresh-token"]}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    # OpenID Connect Discovery 1.0: client_secret_basic is the default.
    methods = discovered.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if secret and "client_secret_basic" in methods:
        # RFC 6749 section 2.3.1: both are form-encoded first.
        pair = f"{quote_plus(client)}:{quote_plus(secret)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        form.update({"client_id": client, **({"client_secret": secret} if secret else {})})
    status, body = fetch(endpoint, headers, form, authority)
    answer = _json_object(status, body, issuer, place)
    id_token, refresh_token = answer.get("id_token"), answer.get("refresh_token")
    if not isinstance(id_token, str) or not id_token:
        raise Unauthorized(f"{issuer} returned no id_token for {place}", hint=LOGIN_HINT)
    renewed = {**config, "id-token": id_token}
    if isinstance(refresh_token, str) and refresh_token:
        renewed["refresh-token"] = refresh_token
    return renewed


def store_tokens(access: Access, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Replace the user's old tokens in the kubeconfig; log a warning if it cannot be written."""
    # Late: most tokens are not renewed.
    from kubectl_snapshot.clients.files.yaml_edit import NotEditable, replace_in_file

    if not access.user_file:
        return
    user = ("users", ("name", access.user_name), "user", "auth-provider", "config")
    changes: dict[Path, tuple[str, str]] = {
        (*user, key): (old.get(key, ""), new[key])
        for key in ("id-token", "refresh-token")
        if old.get(key) != new[key]
    }
    path = os.path.realpath(access.user_file)
    lock = f"{path}.lock"
    try:
        # The lock that kubectl takes (clientcmd, lockFile).
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
        try:
            replace_in_file(path, changes)
        finally:
            os.unlink(lock)
    except (OSError, NotEditable) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        _warn_not_stored(path, why or "", old, new)


def _warn_not_stored(path: str, why: str, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Warn that the kubeconfig still has a refresh token that the issuer may reject."""
    if old["refresh-token"] == new["refresh-token"]:
        return
    import logging  # late: 4 ms, and only a refused write needs it

    logging.getLogger(__name__).warning(
        "the issuer replaced the refresh token, and %s cannot be written (%s): %s",
        path,
        why,
        "the next login from it may be refused",
    )


def _json_object(status: int, body: bytes, issuer: str, place: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if status == 200 and isinstance(answer, dict):
        return answer
    # RFC 6749 section 5.2: `error` is a word like invalid_grant, `error_description` a sentence.
    fields = answer if isinstance(answer, dict) else {}
    words = [str(fields[key]) for key in ("error", "error_description") if key in fields]
    raise Unauthorized(
        f"{issuer} did not refresh the login of {place}",
        why=f"it answered {status}" + (f": {', '.join(words)}" if words else ""),
        hint=LOGIN_HINT,
    )
