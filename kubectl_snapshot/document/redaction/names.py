"""Judge by its name whether a value can be a credential. Pure.

Sources of the words, read as facts: the keyword lists of detect-secrets (plugins/keyword.py), the
rules of gitleaks (config/gitleaks.toml) and trufflehog (pkg/detectors), and the values of charts:
bitnami, prometheus-community, grafana, argo, jetstack, hashicorp, gpu-operator, rook, zalando.
"""

from __future__ import annotations

import re
from functools import lru_cache

# How much of a value's look is needed beside its name. NONE: the name tells nothing. RANDOM: it
# must look random. OPAQUE: it must not be words. OBJECT: it must not be what Kubernetes may call a
# Secret. NAMED: it must not name a credential (`secret-access-key`). TOKEN: anything but a flag, a
# count or a reference. PASSWORD: a count, too.
NONE, RANDOM, OPAQUE, OBJECT, NAMED, TOKEN, PASSWORD = range(7)

MAX_NAME = 256
_SEGMENT_BREAK = r"[./\[\]#]+"
_WORD_BREAK = r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"

# The end of a word, whatever is written before it (`vncpassword`, `dbpass`, `bindpw`).
_PASSWORDS = (
    r"[a-z0-9]*(?:password|passwd|passphrase|passcode|kennwort|passwort)s?"
    r"|(?!by|com|encom|over|sur|tres|under)[a-z0-9]*pass|[a-z0-9]{2,}pw|pwd?|[a-z]+pwd"
    r"|[a-z0-9]*psk|pin|sshpass"
)
_TOKENS = r"[a-z0-9]*token|dockerconfigjson|dockercfg|masterauth|authtok|passkey|jwt|otp|totp"
_SECRETS = r"[a-z0-9]*secrets?"
_CREDENTIALS = (
    r"[a-z0-9]*credentials?|creds?|tokens|auths?|basicauth|[a-z]+auth|authorization|auth0"
    r"|[a-z]*bearer|[a-z]*login"
)
_KEYS = r"[a-z0-9]*keys?"
_OTHERS = r"[a-z0-9]*cookies?|community|[a-z]*dsn|htpasswd|pgpass|seed|salt"

# `<word>-key` and `<word>key` that hold a secret; those that are public, or name an entry.
_SECRET_KEYS = frozenset(
    "access account admin api app application auth authentication box client consumer crypt"
    " decryption deploy encryption ess fernet hmac host identity integration jwt license licence"
    " lockbox machine master munge preshared private psk recovery root routing salt secret"
    " security seed server service session shared signature signing storage subscription tsig"
    " unseal wep wrapping aes aes128 aes256".split()
)
_PUBLIC_KEYS = frozenset(
    "authorized cache foreign group index known label map node object of partition peer pub public"
    " publishable row search shard sort taint topology translation trusted verification verify"
    " verifying".split()
)
_SECRET_SECRETS = frozenset(
    "api app application bind chap client consumer cookie csrf encryption hash hmac initiator jwt"
    " ldap login master oauth oauth2 oidc radius rpc session shared signing tsig web"
    " webhook".split()
)
# `userSecretKey` names the entry of a Secret that has it.
_ENTRIES = frozenset("existing password token user username".split())
# What a name says after the credential's word without being about something else.
_QUALIFIERS = frozenset(
    "admin b64 backup base base64 bot clear cleartext content contents current data default dev"
    " encoded enc hash hashed in inline json latest literal main new old plain plaintext prev"
    " previous primary prod production raw read readonly ro root rw secondary stage staging string"
    " test text value values write".split()
)
# The last segment of a path that says nothing: its parent is the name.
_GENERIC = _QUALIFIERS - {"admin", "root", "test", "dev", "prod", "base", "read", "write", "json"}
# Last words of names that describe a credential but do not hold it: its file, its lifetime.
_ABOUT = frozenset(
    "account address age alg algorithm annotations arn aud audience audiences at backend bucket"
    " burst cache checksum class config connector count create created date db digest dir directory"
    " disabled driver duration email enable enabled encoding encryption endpoint engine env expire"
    " expiration expires expiry field file filename files fingerprint format generator header host"
    " hostname id ids image info interval issuer keyname kind label labels length lifetime limit"
    " location manager max method min minutes mode mount ms mtime name names namespace option"
    " options path paths per period placeholder plugin policy port prefix profile property provider"
    " providers rate ref reference refs region regex registry repo repository request requests"
    " required review reviews role rotate rotation scheme scope scopes second seconds selector"
    " serial server service size sock socket source status store strategy subject suffix tag"
    " template thumbprint time timeout timestamp ttl type uid unit uri url user username uuid"
    " validity version volume webhook zone".split()
)
_ABOUT_ENDINGS = ("name", "file", "path", "dir", "ttl", "ref")
# Names of a cluster's identity and of checksums, whatever they end in.
_PUBLIC_NAMES = (
    r"(?:initial|etcd)-cluster-token|(?:^|-)(?:checksum|checksums|cacert|ca-cert)(?:-|$)"
)
_CREDENTIAL_MAP = r"string-data|(?:.*-)?(?:secrets?|passwords|tokens|credentials)(?:-env)?"
# Whose last word alone would be a setting.
_HELD = r"(?:^|-)(?:erlang-cookie|redis-auth)$"
# Of an issuer whose header has no such word.
_HEADERS = r"(?:^|-)honeycomb-team$"


# What a segment of a path leaves to its parent: all, or whether that is a map of credentials.
_ASK_PARENT, _ASK_MAP = -1, -2


def judge_name(name: str) -> int:
    """Return which values of this name are credentials: NONE … PASSWORD.

    Names are read by their words, however they are joined: `DB_PASSWORD`, `apiKey`, `ngc.api-key`.
    Of a path, the last segment decides; where it says nothing, its parent: `password.value`.
    """
    return _judge_path(name[-MAX_NAME:])


@lru_cache(maxsize=20_000)
def _judge_path(name: str) -> int:
    parent, dot, last = name.rpartition(".")
    level = _judge_segment(last)
    while level == _ASK_PARENT and dot:
        parent, dot, last = parent.rpartition(".")
        level = _judge_segment(last)
    if level == OPAQUE and last == "credentials" and parent.endswith("uthorization"):
        return NAMED  # of Prometheus
    if level == _ASK_MAP:
        if last == "info" and parent.endswith("auth.user"):
            return OPAQUE  # of the clients of Kafka's schema registry
        # Entries of a map of credentials, whatever they are called: `secretEnv.FOO`.
        return RANDOM if dot and is_credential_map(parent.rpartition(".")[2]) else NONE
    return max(level, NONE)


@lru_cache(maxsize=20_000)
def _judge_segment(text: str) -> int:
    """Return the level of a path's segment, or what it leaves to its parent."""
    segments = [part for part in re.split(_SEGMENT_BREAK, text[-MAX_NAME:]) if part]
    while segments:
        segment = segments.pop()
        words = _split_words(segment)
        # The number of an item, or of a second value of that name.
        while words and words[-1].isdigit():
            words.pop()
        if words and segments and re.search("checksums?$", segments[-1]):
            return NONE
        if not words or (set(words) <= _GENERIC and words != ["hash"]):
            continue
        level = _judge_words(words, is_variable=segment.isupper())
        is_about = words[-1] in _ABOUT and words != ["info"]
        return level if level != NONE or is_about else _ASK_MAP
    return _ASK_PARENT


def _split_words(name: str) -> list[str]:
    return [word.lower() for word in re.split(_WORD_BREAK, name) if word]


@lru_cache(maxsize=20_000)
def is_credential_map(segment: str) -> bool:
    """Return whether the entries of a map of this name are credentials."""
    return re.fullmatch(_CREDENTIAL_MAP, "-".join(_split_words(segment[-MAX_NAME:]))) is not None


def _judge_words(words: list[str], is_variable: bool) -> int:
    joined = "-".join(words)
    if re.search(_PUBLIC_NAMES, joined):
        return NONE
    if joined.endswith("application-credential-secret"):
        return TOKEN  # OpenStack's
    if joined.endswith("secret-id") or re.search(_HELD, joined):
        return NAMED
    if re.search(_HEADERS, joined):
        return OPAQUE
    at = len(words) - 1
    while at > 0 and words[at] in _QUALIFIERS and words[at] not in ("root", "admin"):
        at -= 1
    if (
        at < len(words) - 1
        and words[-1] == "hash"
        and not _judge_last(words[: at + 1], is_variable)
    ):
        return NONE
    level = _judge_last(words[: at + 1], is_variable)
    if level != NONE:
        return level
    last = words[-1].rstrip("0123456789")
    if last in _ABOUT or (len(last) > 5 and last.endswith(_ABOUT_ENDINGS)):
        return NONE
    return OPAQUE if any(_judge_inner(word) for word in words[:-1]) else NONE


def _judge_inner(word: str) -> bool:
    """Return whether a word names a credential before other words."""
    return (
        re.fullmatch(
            r"(?:[a-z0-9]*(?:password|passwd|passphrase|token|secret|apikey|accesskey|privatekey)|psk)s?",
            word,
        )
        is not None
    )


def _judge_last(words: list[str], is_variable: bool) -> int:
    """Return the level of a name whose last word is the last of these."""
    last = words[-1].rstrip("0123456789") or words[-1]
    before = words[-2] if len(words) > 1 else ""
    if re.fullmatch(_PASSWORDS, last):
        return PASSWORD
    if re.fullmatch(_TOKENS, last):
        return TOKEN
    if re.fullmatch(_SECRETS, last):
        stem = re.sub("secrets?$", "", last) or before
        is_held = stem in _SECRET_SECRETS or is_variable
        return NAMED if is_held and last.endswith("secret") else OBJECT
    if words[-1] == "key" and before == "secret" and words[-3:-2] and words[-3] in _ENTRIES:
        return OPAQUE
    if re.fullmatch(_KEYS, last):
        return _judge_key(re.sub("keys?$", "", last) or before)
    if re.fullmatch(_CREDENTIALS, last) or re.fullmatch(_OTHERS, last):
        return OPAQUE
    return NONE


def _judge_key(stem: str) -> int:
    if stem in _PUBLIC_KEYS or stem in ("mon", "don", "tur", "hot", "hoc", "whis"):
        return NONE
    if stem in _SECRET_KEYS or re.fullmatch(
        r"[a-z0-9]*(?:access|api|private|secret|auth|shared)", stem
    ):
        return NAMED
    return OPAQUE if stem else RANDOM
