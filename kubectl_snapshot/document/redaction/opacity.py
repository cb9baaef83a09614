"""Judge by its look whether a value can be a credential. Pure."""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.names import (
    NAMED,
    NONE,
    OBJECT,
    OPAQUE,
    PASSWORD,
    RANDOM,
    TOKEN,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# What stands elsewhere: a variable, a file, a value of a template, an entry of a vault. Defaults
# would be secrets, too. In order: shells and Kubernetes; templates; systemd; Grafana; bank-vaults,
# vals, helm-secrets, 1Password; argocd-vault-plugin; sops; cloud names.
REFERENCE = (
    r"(?a)\$\{[\w./:]+\}|\$\((?:cat |< ?)?[\w./-]+\)"
    r"|\$[A-Z_][A-Z0-9_]*(?!\S)|\$[a-z]\w*[.:][\w.:-]+(?!\S)|\{\{[^{}\"'`]*\}\}"
    r"|%[a-zA-Z]/\S*"
    r"|\$__\w+\{[^{}\s]*\}"
    r"|(?:vault|bao|secretref|ref\+\w+|secrets|op|awssm|gcpsm|env|file|fd):(?!//[^\s/]*@)[\w./#@:?=&-]+(?!\S)"
    r"|<\|?/?[a-zA-Z][\w .:/#|-]*>"
    r"|ENC\[[\w,:=+/. -]*\]"
    r"|arn:aws[\w-]*:[\w:/*.-]+|projects/[\w-]+/secrets/[\w/.-]+"
)
# Flags and placeholders.
_HARMLESS = r"(?i)true|false|yes|no|on|off|none|null|nil|<nil>|undefined|\*+|x{3,}|\.\.\.|[01]?"
# A count, how long something lasts, a partition key of InfiniBand; kinds of tokens.
_COUNT = (
    r"(?i)[0-9]{0,3}|[0-9]{1,4}(?:ms|[smhd])|0x[0-9a-f]{1,4}"
    r"|simple|jwt|bearer|basic|opaque|enabled|disabled|required|optional|auto|default"
)
_ALGORITHM = (
    r"(?:rsa|dsa|ecdsa|ed25519|md5|sha-?(?:1|256|384|512)|bcrypt|scrypt|argon2(?:id?|d)?|pbkdf2"
    r"|scram-sha-(?:1|256|512))"
)
_ALGORITHMS = rf"(?i){_ALGORITHM}(?:[ ,:]+{_ALGORITHM}){{0,16}}"
# The second one is a device's and a path on it.
_PATH = r"(?a)(?:file://|(?:text)?hash:|lmdb:|btree:|cdb:|(?:rootfs|UUID=[\w-]+|/dev/[\w/-]+):(?:\w+:)?)?(?:~|\.{1,2})?(?:/[\w.@%,{}$-]+)+/?(?::\w+=[\w-]+)?"
# Public keys and digests, as ssh, systemd and container images write them; PEM blocks of which none
# is private: a certificate's file often has its key, too.
_SSH_KEY = r"(?:ssh-[a-z0-9-]+|ecdsa-[a-z0-9-]+|sk-[a-z0-9@.-]+)(?: AAAA[^\n]+)?"
_PEM_BLOCK = (
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}(?:CERTIFICATE|CRL|PUBLIC KEY|PARAMETERS)(?: REQUEST)?-----"
    r"[A-Za-z0-9+/=\s\\]*(?:-+(?:END [A-Z0-9 ]*-*)?[\s\\n]*|\Z)"
)
_PEM_IN_BASE64 = r"LS0tLS1CRUdJTi(?:BDRVJU|BQVUJM|BYNTA5)[A-Za-z0-9+/=\s]*"
_PUBLIC = (
    rf"{_SSH_KEY}(?:\n+{_SSH_KEY})*"
    r"|sha(?:1|256|384|512)[:-][0-9A-Za-z+/=]+"
    rf"|(?:{_PEM_BLOCK})+|MII[A-Za-z0-9+/]{{2}}.CC[AQgwBCD][A-Za-z0-9+/=\s]*"
)
_FINGERPRINT = r"(?:[0-9A-F]{2}:){15,}[0-9A-F]{2}"
# What is no secret whatever its name, and how it begins, also in capitals: most values begin
# otherwise, and to compile the patterns takes 6 ms.
_ANY_LEVEL: Mapping[str, tuple[str, ...]] = {
    _HARMLESS: ("true", "false", "yes", "n", "o", "<nil>", "undefined", "*", "xxx", *"01."),
    REFERENCE: (
        *("$", "%", "{{", "<", "vault:", "bao:", "secretref:", "ref+", "secrets:", "op:", "awssm:"),
        *("gcpsm:", "env:", "file:", "fd:", "enc[", "arn:aws", "projects/"),
    ),
    _PUBLIC: ("ssh-", "ecdsa-", "sk-", "sha", "-----begin ", "mii"),
    _FINGERPRINT: tuple("0123456789ABCDEF"),
    _ALGORITHMS: (
        *("rsa", "dsa", "ecdsa", "ed25519", "md5", "sha", "bcrypt", "scrypt", "argon2", "pbkdf2"),
        "scram-sha-",
    ),
}
_LONGEST_COUNT = 8
# Those of letters and digits alone: most values are.
_WORDS = frozenset(
    "true false yes no on off none null nil undefined 0 1 rsa dsa ecdsa ed25519 md5 sha1 sha256"
    " sha384 sha512 bcrypt scrypt argon2 argon2i argon2d argon2id pbkdf2".split()
)
_CREDENTIAL_WORDS = frozenset(
    "access account api apikey auth cert cookie cred creds credential credentials key keys pass"
    " passphrase password passwords pem secret secrets token tokens".split()
)
# Names of objects have no capitals (RFC 1123), names of variables nothing else.
_MIXED = r"(?=[\w-]*[a-z][A-Z])[A-Za-z0-9_-]{8,}"
# As people make passwords up.
_MADE_UP = r"(?=\S*[A-Z])(?=\S*[a-z])(?=\S*[0-9])[^\s/:@]{8,}"
_LOGIN = r"[^\s:/@]{1,256}:(?!//)[^\s]+"


@lru_cache(maxsize=256)
def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a compiled pattern; all of them take 8 ms, and most captures need few."""
    return re.compile(pattern, flags)


def fullmatch(pattern: str, text: str, flags: int = 0) -> re.Match[str] | None:
    """Return the match of a whole text."""
    return compiled(pattern, flags).fullmatch(text)


def is_secret(value: str, level: int) -> bool:
    """Return whether a value is a credential, under a name of this level."""
    if level == NONE or is_harmless(value, level):
        return False
    if level == RANDOM:
        return looks_random(value)
    if level == OPAQUE:
        return not is_plain(value)
    if level == OBJECT:
        return not is_plain(value) or (
            (fullmatch(_MIXED, value) is not None or ("-" not in value and is_made_up(value)))
            and not names_something(value)
        )
    if level == NAMED:
        return not names_something(value)
    return True


def is_harmless(value: str, level: int = TOKEN) -> bool:
    """Return whether a value is no secret, whatever its name: a flag, a count, a reference."""
    value = value.strip()
    if value.isalnum() and value[:3] not in ("LS0", "MII"):
        word = value.lower()
        if word in _WORDS or not word.strip("x"):
            return word in _WORDS or len(word) >= 3
        return level != PASSWORD and len(word) <= 8 and fullmatch(_COUNT, word) is not None
    if not value or any(_begins_and_matches(value, *form) for form in _ANY_LEVEL.items()):
        return True
    if level != PASSWORD and len(value) <= _LONGEST_COUNT and fullmatch(_COUNT, value):
        return True
    if fullmatch(_PEM_IN_BASE64, value):
        return _is_public_pem(value)
    return "/" in value and is_path(value)


def _begins_and_matches(value: str, pattern: str, beginnings: tuple[str, ...]) -> bool:
    begins = value.startswith(beginnings) or value[:16].lower().startswith(beginnings)
    return begins and fullmatch(pattern, value, re.S) is not None


def _is_public_pem(blob: str) -> bool:
    """Return whether base64 encodes certificates and public keys and nothing else."""
    blob = "".join(blob.split())
    try:
        text = binascii.a2b_base64(blob[: len(blob) // 4 * 4]).decode("ascii")
    except ValueError:
        return False
    return fullmatch(f"(?:{_PEM_BLOCK})+", text) is not None


def is_path(value: str) -> bool:
    """Return whether a value is the path of a file; base64 may begin with a slash, too."""
    return fullmatch(_PATH, value) is not None and all(
        is_plain_word(word) for word in _words(value)
    )


def is_plain(value: str) -> bool:
    """Return whether a value consists of words, numbers and signs: a name, a host, a setting."""
    if len(value) > 512:
        return False
    if value.isascii() and value.isalnum():
        return is_plain_word(value)
    if fullmatch(_LOGIN, value) and not compiled(r"://|:\d+(?:/|$)").search(value):
        return False
    return all(is_plain_word(word) for word in _words(value))


def _words(value: str) -> list[str]:
    return compiled(r"[^A-Za-z0-9]+").split(value)


def is_plain_word(word: str) -> bool:
    """Return whether letters and digits change as seldom as in a word: `sha256`, not `c0ffee1`."""
    if len(word) <= 5:
        return True
    pieces = compiled(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+").findall(word)
    return len(pieces) <= 1 + len(word) // 4 and (len(word) <= 40 or word.islower())


def is_made_up(value: str) -> bool:
    """Return whether a word has small and capital letters and digits: `Tango8Quartz`."""
    return fullmatch(_MADE_UP, value) is not None


def names_something(value: str) -> bool:
    """Return whether a value is the name of a credential: `secret-access-key`, `API_KEY`."""
    value = value.lower() if value.isupper() else value
    words = compiled(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])").split(value)
    return (
        is_plain(value)
        and not _CREDENTIAL_WORDS.isdisjoint(word.lower() for word in words)
        and not any(fullmatch("[0-9]+[A-Za-z]{2,}", word) for word in words)
    )


def looks_random(value: str) -> bool:
    """Return whether a value is one long word that nobody would write."""
    if not fullmatch(r"[A-Za-z0-9+/=_~.-]{16,}", value):
        return False
    return not is_plain(value)
