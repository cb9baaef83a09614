"""The user's credential for an API server: token, password or client certificate, and its renewal.

`exec_credential` runs plugins, `oidc` asks an issuer. No secret is written to a file or a message.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Optional

from kubectl_snapshot.clients.auth.headers import basic_login, bearer_token
from kubectl_snapshot.clients.auth.kubeconfig import read_client_certificate, read_secret
from kubectl_snapshot.clients.auth.oidc import read_id_token, refuse_unsupported
from kubectl_snapshot.errors import InvalidRequest, SnapshotError, Timeout
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.auth.access import Access
    from kubectl_snapshot.clients.auth.oidc import Fetch

    # A Fetch whose requests end at a time of time.monotonic(), None: at the request timeout.
    FetchUntil = Callable[[Optional[float]], Fetch]

# How often client-go reads a token file again; the kubelet rotates it long before it expires.
TOKEN_FILE_PERIOD_S = 60.0
# Of a program that connects as many users; the least recently used one goes first.
MAX_SHARED = 32

_shared: dict[bytes, Credentials] = {}
_shared_lock = threading.Lock()


@dataclass(frozen=True)
class Credential:
    """An Authorization header value, and the PEM client certificate and key of the handshake."""

    authorization: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires_at: float = field(default=float("inf"), compare=False)  # seconds since the epoch


def share_credentials(access: Access, fetch: FetchUntil, env: Mapping[str, str]) -> Credentials:
    """Return the user's credentials; of one plugin all connections of a process share them.

    A command with several outputs runs a plugin once (client-go, exec.GetAuthenticator).
    """
    if "exec" not in access.user:
        return Credentials(access, fetch, env)
    parts = (access.user, access.cluster, sorted(env.items()))
    key = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).digest()
    with _shared_lock:
        found = _shared.pop(key, None) or Credentials(access, fetch, env)
        while len(_shared) >= MAX_SHARED:
            del _shared[next(iter(_shared))]
        _shared[key] = found
    return found


class Credentials:
    """Cache of one user's credential; reads it when first needed, expired or refused."""

    def __init__(self, access: Access, fetch: FetchUntil, env: Mapping[str, str]) -> None:
        self._access = access
        self._fetch = fetch
        self._env = env
        self._user = dict(access.user)
        self._lock = threading.Lock()
        self._held: Credential | None = None
        self._failed_at = 0.0
        self._failure: SnapshotError | None = None

    def current(self, deadline: float | None = None) -> Credential:
        """Return a valid credential; may run a plugin or ask an issuer, one thread at a time.

        `deadline` (time.monotonic()) limits a plugin and an issuer.
        """
        asked_at = time.monotonic()
        with self._lock:
            if self._held is None or self._held.expires_at <= time.time():
                self._held = self._read_once(asked_at, False, deadline)
            return self._held

    def renew(self, refused: Credential, deadline: float | None = None) -> Credential:
        """Return a replacement for a credential that the server refused."""
        asked_at = time.monotonic()
        with self._lock:
            # Identity, not equality: of several threads that were refused, one reads it again.
            if self._held is None or self._held is refused:
                self._held = self._read_once(asked_at, True, deadline)
            return self._held

    def _read_once(self, asked_at: float, is_refused: bool, deadline: float | None) -> Credential:
        """Return a new credential; threads that waited for a failed read raise its error."""
        if self._failure is not None and asked_at <= self._failed_at:
            raise self._failure
        if deadline is not None and deadline <= time.monotonic():
            raise self._failure or Timeout("cannot log in", why="the deadline has passed")
        try:
            return self._read(is_refused, deadline)
        except SnapshotError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise

    def _read(self, is_refused: bool, deadline: float | None) -> Credential:
        """Return the user's own token, password or certificate, else the plugin's or issuer's."""
        user = self._user
        provider = user.get("auth-provider")
        if provider is not None:
            refuse_unsupported(provider, self._access)
        authorization, expires_at = self._read_static()
        certificate, key = read_client_certificate(user, self._place)
        if "exec" in user and not (authorization or certificate):
            return self._read_from_plugin(user["exec"], deadline)
        if provider is not None and not authorization:
            token, expires_at = self._read_from_provider(provider, is_refused, deadline)
            authorization = bearer_token(token)
        return Credential(authorization, certificate, key, expires_at)

    def _read_static(self) -> tuple[str, float]:
        """Return the Authorization value and expiry of token, tokenFile or password, "" without."""
        user = self._user
        if "tokenFile" in user:
            text = self._read_token_file("token" in user)
            if text:
                return bearer_token(text), time.time() + TOKEN_FILE_PERIOD_S
        if "token" in user:
            return bearer_token(user["token"]), float("inf")
        if "username" in user or "password" in user:
            login = basic_login(user.get("username", ""), user.get("password", ""))
            return login, float("inf")
        return "", float("inf")

    def _read_token_file(self, is_optional: bool) -> str:
        """Return the token in a file; "" for a missing or empty file beside a token."""
        try:
            text = read_secret(self._user, "tokenFile", self._place).decode().strip()
        except (InvalidRequest, UnicodeDecodeError) as error:
            if is_optional:
                return ""
            if isinstance(error, InvalidRequest):
                raise
            text = ""
        if not text and not is_optional:
            path = self._user["tokenFile"]
            raise InvalidRequest(f"tokenFile of {self._place} has no token", why=path)
        return text

    @property
    def _place(self) -> str:
        return f"user {self._access.user_name}" if self._access.user_name else "the user"

    def _read_from_plugin(self, spec: Mapping[str, Any], deadline: float | None) -> Credential:
        # Late: subprocess takes 4 ms to import, and most kubeconfigs name no plugin.
        from kubectl_snapshot.clients.auth.exec_credential import run_exec_plugin

        timeout_s = None if deadline is None else deadline - time.monotonic()
        answer = run_exec_plugin(spec, self._access, self._env, timeout_s)
        return Credential(
            bearer_token(answer.token) if answer.token else "",
            answer.certificate.encode(),
            answer.key.encode(),
            answer.expires_at,
        )

    def _read_from_provider(
        self, provider: Mapping[str, Any], is_refused: bool, deadline: float | None
    ) -> tuple[str, float]:
        fetch = self._fetch(deadline)
        config, expires_at = read_id_token(provider, self._access, fetch, is_refused)
        # The issuer may have replaced the refresh token.
        self._user["auth-provider"] = {**provider, "config": config}
        return config["id-token"], expires_at
