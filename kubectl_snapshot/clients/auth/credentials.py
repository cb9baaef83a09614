"""Who we are to an API server: a token, a password, a client certificate, and when to ask again.

The ways that need a program or an issuer are in `exec_credential` and `oidc`. Nothing here is
written to a file, and no secret is part of a message.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import InvalidRequest, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.auth.kubeconfig import Access
    from kubectl_snapshot.clients.auth.oidc import Fetch

# client-go reads a token file this often; a projected token is replaced long before it expires.
TOKEN_FILE_PERIOD_S = 60.0


@dataclass(frozen=True)
class Credential:
    """What goes into a request (`authorization`, a whole header value) and into the handshake."""

    authorization: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires_at: float = field(default=float("inf"), compare=False)  # seconds since the epoch


class Credentials:
    """One user's credential: read when first needed, when it expires and when it is refused."""

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
        """Return the credential; may run a plugin or ask an issuer, one thread at a time."""
        asked_at = time.monotonic()
        with self._lock:
            if self._held is None or self._held.expires_at <= time.time():
                self._held = self._read_once(asked_at, is_refused=False)
            return self._held

    def renew(self, refused: Credential) -> Credential:
        """Return the credential that takes the place of one that the server refused."""
        asked_at = time.monotonic()
        with self._lock:
            # The same object and not an equal one: of many refused at once the first asks again.
            if self._held is None or self._held is refused:
                self._held = self._read_once(asked_at, is_refused=True)
            return self._held

    def _read_once(self, asked_at: float, is_refused: bool) -> Credential:
        """Return a new credential; those who waited meanwhile share a failure, too."""
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
            authorization = bearer(read_secret(user, "tokenFile", self._place).decode())
            expires_at = time.time() + TOKEN_FILE_PERIOD_S
        elif "token" in user:
            authorization = bearer(user["token"])
        elif "username" in user:
            authorization = basic(user["username"], user.get("password", ""))
        elif "auth-provider" in user:
            token, expires_at = self._read_from_provider(user["auth-provider"], is_refused)
            authorization = bearer(token)
        certificate, key = read_client_certificate(user, self._place)
        return Credential(authorization, certificate, key, expires_at)

    @property
    def _place(self) -> str:
        return f"user {self._access.user_name}" if self._access.user_name else "the user"

    def _read_from_plugin(self, spec: Mapping[str, Any]) -> Credential:
        from kubectl_snapshot.clients.auth.exec_credential import run_exec_plugin

        answer = run_exec_plugin(spec, self._access, self._env)
        return Credential(
            bearer(answer.token) if answer.token else "",
            answer.certificate.encode(),
            answer.key.encode(),
            answer.expires_at,
        )

    def _read_from_provider(
        self, provider: Mapping[str, Any], is_refused: bool
    ) -> tuple[str, float]:
        from kubectl_snapshot.clients.auth.oidc import read_id_token

        config, expires_at = read_id_token(provider, self._access, self._fetch, is_refused)
        # An issuer may accept a refresh token once only.
        self._user["auth-provider"] = {**provider, "config": config}
        return config["id-token"], expires_at


def bearer(token: str) -> str:
    """Return the header value for a token; a file or a plugin may end it in a newline."""
    return header_text(f"Bearer {token.strip()}", "the token")


def basic(username: str, password: str) -> str:
    """Return the header value for a user name and password (RFC 7617)."""
    import base64

    login = _encode(f"{username}:{password}", "a user name or password")
    return "Basic " + base64.b64encode(login).decode()


def header_text(value: str, what: str) -> str:
    """Return a header value as http.client sends it: UTF-8 bytes, each as one character."""
    if any(ord(character) < 32 for character in value):
        raise InvalidRequest(f"{what} holds a line break or another control character")
    return _encode(value, what).decode("latin-1")


def read_client_certificate(user: Mapping[str, Any], place: str) -> tuple[bytes, bytes]:
    """Return the PEM certificate chain and key of a user, empty if it has none."""
    certificate = read_secret(user, "client-certificate", place)
    key = read_secret(user, "client-key", place)
    if bool(certificate) != bool(key):
        missing = "client-key" if certificate else "client-certificate"
        raise InvalidRequest(f"{missing} of {place} is missing", why="the other one is given")
    return certificate, key


def read_secret(section: Mapping[str, Any], key: str, place: str) -> bytes:
    """Return what `KEY-data` holds, else the file that `KEY` names, else nothing."""
    data, path = section.get(f"{key}-data"), section.get(key)
    if data:
        import base64
        import binascii

        try:
            return base64.b64decode(data)
        except (binascii.Error, ValueError) as error:
            raise InvalidRequest(f"{key}-data of {place} is not base64", why=str(error)) from error
    if not path:
        return b""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        why = f"{path}: {error.strerror}"
        raise InvalidRequest(f"cannot read {key} of {place}", why=why) from error


def _encode(value: str, what: str) -> bytes:
    try:
        # What is not UTF-8 in the environment or on the command line stays the bytes that it was.
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{what} holds half a character") from error
