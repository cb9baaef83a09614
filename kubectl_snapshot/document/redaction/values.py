"""How a run redacts, the tokens that it writes, and where a document has them. Pure.

A token is the HMAC of the secret alone, under a key of the run's or the user's: equal secrets are
equal tokens wherever they stand, and without the key no guess can be checked. Where secrets are
looked for is document/redaction/measurements' part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

MARK = "redacted:hmac-sha256:"
TOKEN_DIGITS = 16
TOKEN_PATTERN = f"{MARK}[0-9a-f]{{{TOKEN_DIGITS}}}"

# RFC 2104, section 3, wants a key as long as the hash; a user's own may have 128 bits.
KEY_BYTES, MIN_KEY_BYTES = 32, 16
MAX_NAMED_PATHS = 100
# Context key: how many readings are not there because they were to be redacted and are no texts.
LEFT_OUT = "left-out"

# Metadata `redaction`, where it is not by one key for the whole run.
DISABLED, OWN_KEY = "disabled", "own-key"
# Metadata: which key the tokens are of, so that those of two documents can be compared.
REDACTION_KEY = "redaction-key"

# Quotes and white space around a secret are not part of it.
_AROUND = " \t\r\n\"'"


@dataclass(frozen=True)
class Redaction:
    """How one run redacts. An empty key stands for a new random one.

    `patterns` are of `Type.subtype.key`, `*` for any run of characters: what is redacted besides
    what looks like a credential.
    """

    key: bytes = field(default=b"", repr=False)
    patterns: tuple[str, ...] = ()
    is_on: bool = True


def find_redacted(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the path of every reading with a token in it: `OS.grub.rd.iscsi.password`.

    That of a context's has the word in it: `OS.grub.context.repeated.rd.iscsi.password`. Where
    readings were left out it is the subtype's: `OS.kmod`.
    """
    found = []
    for measurement in snapshot.measurements:
        for subtype in measurement.subtypes:
            path = f"{measurement.type}.{subtype.name}"
            found += [path] if LEFT_OUT in subtype.context else []
            found += [f"{path}.{key}" for key in _find_tokens(subtype.data)]
            found += [f"{path}.context.{key}" for key in _find_tokens(subtype.context)]
    return tuple(found)


def describe_paths(paths: Sequence[str]) -> str:
    """Return the paths as one text of the metadata; of more than a hundred only the number."""
    return ",".join(paths) if len(paths) <= MAX_NAMED_PATHS else str(len(paths))


def new_token(secret: str, key: bytes) -> str:
    """Return what is written for a secret: its HMAC-SHA-256 (RFC 2104), cut to 64 bits.

    A token stays as it is.
    """
    import hmac  # late: it loads OpenSSL

    if re.fullmatch(TOKEN_PATTERN, secret):
        return str(secret)
    message = secret.strip(_AROUND).encode("utf-8", "surrogatepass")
    return MARK + hmac.new(key, message, "sha256").hexdigest()[:TOKEN_DIGITS]


def name_key(key: bytes) -> str:
    """Return a name of a key that tells nothing else of it: the HMAC of a fixed text under it."""
    return new_token(REDACTION_KEY, key)[len(MARK) :]


def _find_tokens(values: Mapping[str, Scalar]) -> list[str]:
    return [
        key
        for key, value in values.items()
        if MARK in key or (isinstance(value, str) and MARK in value)
    ]
