"""The user's credential for an API server: token, password or client certificate, and its renewal.

`exec_credential` runs plugins, `oidc` asks an issuer. No secret is written to a file or a message.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.clients.auth.headers import basic_login, bearer_token
from kubectl_snapshot.clients.auth.kubeconfig import read_client_certificate, read_secret
from kubectl_snapshot.clients.auth.oidc import read_id_token
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.auth.access import Access
    from kubectl_snapshot.clients.auth.oidc import Fetch

# How often client-go reads a token file again; the kubelet rotates it long before it expires.
TOKEN_FILE_PERIOD_S = 60.0


@dataclass(frozen=True)
class Credential:
    """An Authorization header value, and the PEM client certificate and key of the handshake."""

    authorization: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires_at: float = field(default=float("inf"), compare=False)  # seconds since the epoch


class Credentials:
    """Cache of one user's credential; reads it when first needed, expired or refused."""

    def __init__(self, access: Access, fetch: Fetch, env: Mapping[str, str]) -> None:
        self._access = access
        self._fetch = fetch
        self._env = env
        self._user = dict(access.user)
        self._lock = threading.Lock()
        self._held: Credential | None = None
        self._failed_at = 0.0
        self._failure: SnapshotError | None = None

    def current(self) -> Credential:
        """Return a valid credential; may run a plugin or ask an issuer, one thread at a time."""
        asked_at = time.monotonic()
        with self._lock:
            if self._held is None or self._held.expires_at <= time.time():
                self._held = self._read_once(asked_at, is_refused=False)
            return self._held

    def renew(self, refused: Credential) -> Credential:
        """Return a replacement for a credential that the server refused."""
        asked_at = time.monotonic()
        with self._lock:
            # Identity, not equality: of several threads that were refused, one reads it again.
            if self._held is None or self._held is refused:
                self._held = self._read_once(asked_at, is_refused=True)
            return self._held

    def _read_once(self, asked_at: float, is_refused: bool) -> Credential:
        """Return a new credential; threads that waited for a failed read raise its error."""
        if self._failure is not None and asked_at <= self._failed_at:
            raise self._failure
        try:
            return self._read(is_refused)
        except SnapshotError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise

    def _read(self, is_refused: bool) -> Credential:
        user = self._user
        if "exec" in user:
            return self._read_from_plugin(user["exec"])
        expires_at = float("inf")
        authorization = ""
        if "tokenFile" in user:
            authorization = bearer_token(read_secret(user, "tokenFile", self._place).decode())
            expires_at = time.time() + TOKEN_FILE_PERIOD_S
        elif "token" in user:
            authorization = bearer_token(user["token"])
        elif "username" in user:
            authorization = basic_login(user["username"], user.get("password", ""))
        elif "auth-provider" in user:
            token, expires_at = self._read_from_provider(user["auth-provider"], is_refused)
            authorization = bearer_token(token)
        certificate, key = read_client_certificate(user, self._place)
        return Credential(authorization, certificate, key, expires_at)

    @property
    def _place(self) -> str:
        return f"user {self._access.user_name}" if self._access.user_name else "the user"

    def _read_from_plugin(self, spec: Mapping[str, Any]) -> Credential:
        # Late: subprocess takes 4 ms to import, and most kubeconfigs name no plugin.
        from kubectl_snapshot.clients.auth.exec_credential import run_exec_plugin

        answer = run_exec_plugin(spec, self._access, self._env)
        return Credential(
            bearer_token(answer.token) if answer.token else "",
            answer.certificate.encode(),
            answer.key.encode(),
            answer.expires_at,
        )

    def _read_from_provider(
        self, provider: Mapping[str, Any], is_refused: bool
    ) -> tuple[str, float]:
        config, expires_at = read_id_token(provider, self._access, self._fetch, is_refused)
        # The issuer may have replaced the refresh token.
        self._user["auth-provider"] = {**provider, "config": config}
        return config["id-token"], expires_at
