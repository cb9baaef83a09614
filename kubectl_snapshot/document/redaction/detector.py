"""Detect credentials by the name of a value, or by their format. Pure.

redaction/measurements decides which places are searched, redaction/values what is written. A
search takes linear time for any text: a node's text is untrusted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Span = tuple[int, int]

# Texts, which `re` compiles when they are first needed: most are not, and all take 8 ms.

# A word of a name, or the end of one (`vncpassword`).
_WORDS = (
    *("password", "passwd", "passphrase", "passcode", "secret", "token", "credential"),
    *("apikey", "accesskey", "privatekey", "secretkey"),
)
_WHOLE_WORDS = ("creds", "dockerconfigjson", "psk", "pwd", "rootpw", "sshpass", "secret-id")
# Only at a name's end: `authorization-mode` and `pass-through` are other things.
_LAST_WORDS = ("authorization", "pass")
_KEYS = (
    *("access", "account", "api", "auth", "client", "encryption", "license", "master", "private"),
    *("secret", "session", "shared", "signing", "storage"),
)
_NAMED = (
    rf"(?:^|-)(?:[a-z0-9]*(?:{'|'.join(_WORDS)})s?|{'|'.join(_WHOLE_WORDS)}"
    rf"|(?:{'|'.join(_KEYS)})-key(?:-data)?|(?:{'|'.join(_LAST_WORDS)})$)[0-9]*(?=-|$)"
)
# Last words of names that describe a credential but do not hold it: its file, its lifetime.
_ABOUT = frozenset(
    "algorithm annotations audience audiences backend burst class config count create dir directory"
    " disabled driver duration enable enabled endpoint env expiration expires expiry file files"
    " format header host hours id ids interval issuer kind labels length limit manager max min"
    " minutes mode mount name names namespace path paths period plugin policy port prefix provider"
    " providers rate ref refs request requests required review reviews rotate rotation seconds size"
    " store timeout ttl type uri url user username version webhook".split()
)
# A word anywhere in a name that makes it a count, or the name of a Kubernetes Secret.
_OTHERWISE = frozenset(("existing", "max", "min", "num", "pull", "ref", "refs", "selector"))
_WORKING_DIRECTORIES = ("PWD", "OLDPWD")
_WORD_BREAK = r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
MAX_NAME = 256

# Each name that is taken for a credential's has one of these in it, and each text with such a name.
# These two are needed always.
_HINT = re.compile(
    "pass|secret|token|cred|psk|pwd|rootpw|dockerconfig|authorization"
    rf"|(?:{'|'.join(_KEYS)})[^a-z0-9]*key"
)

# What stands elsewhere: a variable, a file, a value of a template. Defaults would be secrets, too.
_REFERENCE = (
    r"(?a)\$\{\w+\}|\$\((?:cat )?[\w./-]+\)|\$[A-Z_][A-Z0-9_]*(?!\S)|\{\{[^{}\"'`]*\}\}"
    r"|%[a-zA-Z]/\S*"
)
# Flags and counts.
_HARMLESS = r"(?i)true|false|yes|no|on|off|none|null|nil|<nil>|undefined|\*+|[0-9]{0,3}"

# Whose secrets have a shape of their own, as the issuers document it. Of a group that is captured,
# the group alone is the secret.
SHAPES: Mapping[str, str] = {
    "AWS": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
    "Google Cloud": r"AIza[\w-]{35}|ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}",
    "GitHub": r"gh[opsur]_[A-Za-z0-9]{36,}|github_pat_\w{22,}",
    "GitLab": r"gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|soat)-[\w.-]{20,}",
    "Slack": r"xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}|hooks\.slack\.com/\w+/([\w/]{20,})",
    "NVIDIA": r"nvapi-[\w-]{20,}",
    "Hugging Face": r"hf_[A-Za-z0-9]{30,}",
    "OpenAI, Anthropic": r"sk-(?:admin|ant|proj|svcacct)-[\w-]{20,}|sk-[A-Za-z0-9]{32,}",
    "Stripe": r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "npm": r"npm_[A-Za-z0-9]{36}",
    "PyPI": r"pypi-[\w-]{50,}",
    "Docker": r"dckr_[a-z]+_[\w-]{20,}|SWMTKN-[\w-]{20,}",
    "HashiCorp Vault": r"hv[bsr]\.[\w-]{20,}",
    "DigitalOcean": r"do[opr]_v1_[0-9a-f]{32,}",
    "Grafana": r"gl(?:sa|c)_[\w=]{20,}",
    "kubeadm, bootstrap token": (
        r"(?=[a-z]*[0-9])[a-z0-9]{6}\.(?=[a-z]*[0-9])[a-z0-9]{16}(?![\w.-])"
    ),
    "k3s, RKE2": r"K10[0-9a-f]{40,}::[^\s\"',]+",
    "age": r"AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    "JSON web token": r"eyJ(?<![\w-]eyJ)[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){1,3}",
    "crypt(5) password hash": r"\$(?:2[aby]|5|6|7|y|gy|1|apr1|argon2\w*)\$[\w./$=,+-]{20,}",
    "signed URL": r"(?:sig|[sS]ignature)=([\w%+/=-]{16,})",
    "HTTP authorization": (
        r"(?:[bB]earer|BEARER)[ \t]+([\w.~+/=-]{12,})"
        r"|[bB]asic[ \t]+([A-Za-z0-9+/]{8,}={1,2})"
    ),
    "private key in base64": r"LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM|BYNTA5)[A-Za-z0-9+/]{20,}={0,2}",
}
# Certificates and public keys are PEM, too, and no secrets. A block that is cut off ends the text.
_KEY_BLOCK = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)"
)
# RFC 3986, 3.2.1: between the first `:` and the last `@` of the authority; second, as people write
# it who escape nothing, unless it reads as a port. The last one is dracut.cmdline(7)'s.
_LOGIN = (
    r"://[^\s/?#:@\[\]\"'<>]*:(?:([^\s/?#\"'<>]+)@"
    r"|(?![0-9]+(?:[/?#\s]|$))((?:(?!://)[^\s@\"'<>])+)@)"
    r"|\biscsi:[^\s/?#:@\"']{0,256}:([^\s/?#@\"']{1,256})@"
)
_SHAPE = rf"(?as){_KEY_BLOCK}|{_LOGIN}|(?<![A-Za-z0-9])(?:{'|'.join(SHAPES.values())})"
# Every shape is this long (`s://:a@h`), and has a word of 16 characters, or one of these.
MIN_SHAPE = 8
_SHAPE_HINT = re.compile(r"[\w+/=.-]{16}|://|iscsi:|\$|earer|EARER|asic|-----B", re.ASCII)

# `name=value`, `name: value`, `"name": "value"`, `--name value`. Every run of these characters is
# met once, at its beginning.
_ASSIGNMENT = (
    r"(?a)(?<![\w.-])(?:(?P<flag>-[\w.-]*)[ \t]+(?=[^\s=:-])"
    r"|(?P<name>[\w.-]+)(?P<quote>\\*[\"'])?(?P<blank>[ \t]*)(?P<sign>[=:]))"
)
_SCHEME = r"(?i)(?:basic|bearer|digest|token|apikey)[ \t]+"
_QUOTED = r"(?s)\"((?:[^\"\\]|\\.)*)\"|'((?:[^']|'')*)'|\\+\"(.*?)\\+\""
# Up to white space, the next `name=` of a list, or a quote that ends more than this value.
_WORD = r"(?a)(?:(?![,;&][\w.-]{1,64}[=:])(?![\"'](?:[\s,:;)}\]]|$))\S)+"
_CLOSING = "\"')]},;"
# What follows a `:` without a blank and is no secret: `//` of a URL, the tag of an image.
_NOT_AFTER_COLON = r"(?a)//|v?[0-9]+(?:\.[\w.-]*)?(?!\S)|latest\b"
_BLANKS = r"[ \t]*"
_YAML_BLOCK = r"[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\n"


def names_credential(name: str) -> bool:
    """Return whether a value of this name is a credential.

    Names are read by their words, however they are joined: `DB_PASSWORD`, `apiKey`, `ngc.api-key`.
    """
    name = name[-MAX_NAME:]
    if not _HINT.search(name.lower()) or name in _WORKING_DIRECTORIES:
        return False
    words = [word.lower() for word in re.split(_WORD_BREAK, name) if word]
    # The number of an item, or of a second value of that name.
    while words and words[-1].isdigit():
        words.pop()
    joined = "-".join(words)
    if not words or not re.search(_NAMED, joined):
        return False
    is_about = words[-1].rstrip("0123456789") in _ABOUT and not joined.endswith("secret-id")
    return not is_about and _OTHERWISE.isdisjoint(words)


def is_harmless(value: str) -> bool:
    """Return whether a value is no secret, whatever its name: a flag, a count, a reference."""
    return bool(re.fullmatch(_HARMLESS, value) or re.fullmatch(_REFERENCE, value))


def may_hold_credential(text: str, name: str = "") -> bool:
    """Return False where neither the text nor its name shows one for sure; it is fast."""
    return bool(
        _HINT.search(f"{name} {text}".lower())
        or (len(text) >= MIN_SHAPE and _SHAPE_HINT.search(text))
    )


def replace_credentials(text: str, replace: Callable[[str], str]) -> str:
    """Return the text with what `replace` makes of each credential in it."""
    pieces = []
    position = 0
    for start, end in _merge(_find_spans(text)):
        pieces += [text[position:start], replace(text[start:end])]
        position = end
    return "".join((*pieces, text[position:])) if pieces else text


def _find_spans(text: str) -> list[Span]:
    spans = []
    if _SHAPE_HINT.search(text):
        spans += [found.span(found.lastindex or 0) for found in re.finditer(_SHAPE, text)]
    if _HINT.search(text.lower()):
        spans += _find_assigned(text)
    return spans


def _find_assigned(text: str) -> Iterator[Span]:
    end = 0
    for found in re.finditer(_ASSIGNMENT, text):
        # A value has no names of its own: to look for them would take quadratic time.
        if found.start() >= end and names_credential(found["flag"] or found["name"]):
            span = _find_value(text, found)
            if not is_harmless(text[slice(*span)]):
                yield span
                end = span[1]


def _find_value(text: str, found: re.Match[str]) -> Span:
    """Return where the value of a name begins and ends; an empty one does both at once."""
    start = found.end()
    has_blank_after = text[start : start + 1] in (" ", "\t")
    if found["sign"] == "=" and has_blank_after and not found["blank"]:
        return start, start
    if found["sign"] == ":" and not found["quote"] and not has_blank_after:
        is_path = text[found.start() - 1 : found.start()] == "/"
        if is_path or _match(_NOT_AFTER_COLON, text, start):
            return start, start
    start = _end_of(_BLANKS, text, start)
    if found["sign"] == ":" and text[start : start + 1] in ("{", "["):
        return start, start  # a map or a list, which has names of its own
    if found["sign"] == ":" and has_blank_after and _begins_line(text, found.start()):
        return _find_line_value(text, found.start(), start)
    return _find_word(text, start)


def _find_word(text: str, start: int) -> Span:
    start = _end_of(_SCHEME, text, start)
    quoted = _match(_QUOTED, text, start)
    if quoted:
        return quoted.span(quoted.lastindex or 0)
    reference = _match(_REFERENCE, text, start)
    if reference:
        return reference.span()
    word = text[start : _end_of(_WORD, text, start)]
    return start, start + len(word.rstrip(_CLOSING))


def _find_line_value(text: str, name_at: int, start: int) -> Span:
    """Return the value of a `name: value` that has its line to itself, as in YAML and in headers.

    What is on the lines below, further to the right than the name, belongs to it.
    """
    start = _end_of(_SCHEME, text, start)
    quoted = _match(_QUOTED, text, start)
    if quoted:
        return quoted.span(quoted.lastindex or 0)
    block = _match(_YAML_BLOCK, text, start)
    if block:
        start = block.end()
        end = start
    else:
        end = _end_of_line(text, start)
        comment = text.find(" #", start, end)
        if comment >= 0:
            end = comment
    indent = name_at - text.rfind("\n", 0, name_at) - 1
    return start, _end_of_block(text, end, indent)


def _begins_line(text: str, position: int) -> bool:
    before = text[max(position - MAX_NAME, 0) : position].rstrip(" \t-\"'")
    return before.endswith("\n") or (not before and position < MAX_NAME)


def _end_of_block(text: str, end: int, indent: int) -> int:
    """Return the end of the last line from `end` on that begins right of column `indent`."""
    next_line = end + 1
    while next_line < len(text):
        line_end = _end_of_line(text, next_line)
        line = text[next_line:line_end]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
            break
        end, next_line = line_end, line_end + 1
    return end


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _end_of(pattern: str, text: str, start: int) -> int:
    found = _match(pattern, text, start)
    return found.end() if found else start


def _match(pattern: str, text: str, start: int) -> re.Match[str] | None:
    return re.compile(pattern).match(text, start)


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order; of what overlaps, one that covers all."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
