"""Redaction settings, redacted values, and where a document contains them. Pure.

A redacted value is the HMAC of the secret alone, with the run's or the user's key: equal secrets
have equal redacted values everywhere, and without the key nobody can check a guess. The places that
are searched for secrets are document/redaction/measurements' part.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

PREFIX = "redacted:hmac-sha256:"
HASH_DIGITS = 16
REDACTED_VALUE = f"{PREFIX}[0-9a-f]{{{HASH_DIGITS}}}"

# RFC 2104, section 3, wants a key as long as the hash; a user's own may have 128 bits.
KEY_BYTES, MIN_KEY_BYTES = 32, 16
MAX_NAMED_PATHS = 100
# Context key: how many numbers and booleans were dropped because the user asked to redact them.
LEFT_OUT = "left-out"

# Metadata `redaction`, unless one key was used for the whole run.
DISABLED, OWN_KEY = "disabled", "own-key"
# Metadata: the name of the redaction key: values redacted with the same key can be compared.
REDACTION_KEY = "redaction-key"

# Quotes and white space around a secret are not part of it.
_AROUND = " \t\r\n\"'"


@dataclass(frozen=True)
class Redaction:
    """Redaction settings of one run. An empty key means a new random one.

    `patterns` are patterns of `Type.subtype.key`: these readings are redacted, too.
    """

    key: bytes = field(default=b"", repr=False)
    patterns: tuple[str, ...] = ()
    is_on: bool = True


def find_redacted(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the path of every reading that contains a redacted value, as `OS.grub.password`.

    A context's path is `OS.grub.context.repeated.password`. Where readings were dropped, it is the
    subtype's: `OS.kmod`.
    """
    found = []
    for measurement in snapshot.measurements:
        for subtype in measurement.subtypes:
            path = f"{measurement.type}.{subtype.name}"
            found += [path] if LEFT_OUT in subtype.context else []
            found += [f"{path}.{key}" for key in _find_redacted_keys(subtype.data)]
            found += [f"{path}.context.{key}" for key in _find_redacted_keys(subtype.context)]
    return tuple(found)


def describe_paths(paths: Sequence[str]) -> str:
    """Return the paths for the metadata, comma-separated; only their number if over a hundred."""
    return ",".join(paths) if len(paths) <= MAX_NAMED_PATHS else str(len(paths))


def redact_text(secret: str, key: bytes) -> str:
    """Return the redacted value of a secret: its HMAC-SHA-256 (RFC 2104), cut to 64 bits.

    A redacted value is returned unchanged.
    """
    import hmac  # late: it loads OpenSSL

    if secret.startswith(PREFIX) and re.fullmatch(REDACTED_VALUE, secret):
        return str(secret)
    message = secret.strip(_AROUND).encode("utf-8", "surrogatepass")
    return PREFIX + hmac.digest(key, message, "sha256").hex()[:HASH_DIGITS]


def name_key(key: bytes) -> str:
    """Return a name of a key that does not reveal it: the HMAC of a fixed text."""
    return redact_text(REDACTION_KEY, key)[len(PREFIX) :]


def _find_redacted_keys(values: Mapping[str, Scalar]) -> list[str]:
    return [
        key
        for key, value in values.items()
        if PREFIX in key or (isinstance(value, str) and PREFIX in value)
    ]
