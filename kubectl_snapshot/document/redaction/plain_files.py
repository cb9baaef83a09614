"""Find credentials in files that give them no `=` or `:`, and in what a shell pipes. Pure.

netrc, snmpd.conf, keepalived, nginx, BIND, Fluentd, routers, SQL. Sources: their manual pages.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.names import PASSWORD, judge_name
from kubectl_snapshot.document.redaction.opacity import (
    compiled,
    is_harmless,
    is_made_up,
    is_path,
    is_plain,
    is_secret,
)
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator

    Span = tuple[int, int]

# What stands before each value here; of a pipe, its sign.
BEFORE_VALUE = compile_late(
    r"(?:pass(?:word|phrase)?|secret|token|auth|key|pw|psk|community6?|com2sec6?|createuser"
    r"|identified|-again|inguser|k_g|unseal)[ \t]|\||chpasswd:|munge\.key|username:password"
)
# Files whose settings have no sign: redis.conf, netrc(5), snmpd.conf(5), nslcd.conf(5),
# slapd.conf(5), keepalived.conf(5), haproxy, FRR and switches, ipsec.secrets(5); SQL.
_PLAIN_WORDS = (
    r"requirepass|masterauth|bindpw|rootpw|auth_pass|insecure-password|key-string"
    r"|authentication-key|k_g|operator[ \t]+unseal"
)
_FILE_VALUE = r"(?:\"([^\"\n]{1,256})\"|([^\s\"]+))"
_FILES = (
    rf"\b(?:{_PLAIN_WORDS})[ \t]+(?:--[a-z]+[ \t]+){{0,4}}(?!--){_FILE_VALUE}(?=[ \t]*(?m:$|#))"
    r"|\bcreateUser[ \t]+(?:-e[ \t]+\S{1,64}[ \t]+)?\S{1,256}[ \t]+(?:MD5|SHA\S{0,8})[ \t]+"
    r"(\S[^\n]*)|(?i:\bidentified[ \t]+(?:with[ \t]+\S{1,64}[ \t]+)?(?:by|as)|\bpassword)[ \t]+"
    r"'([^'\n]{1,256})'"
    r"|\b(?:login|machine)[ \t]+\S{1,256}\s+password[ \t]+(\S+)"
    r"|(?m:^)[ \t]*(?:neighbor|user|username|peer)[ \t]+\S{1,256}[ \t]+(?:password|secret)[ \t]+"
    rf"(?:[0-9][ \t]+)?{_FILE_VALUE}[ \t]*(?m:$)"
    r"|\benable[ \t]+(?:password|secret)[ \t]+(?:[0-9][ \t]+)?(\S+)"
    r"|\bmessage-digest-key[ \t]+[0-9]+[ \t]+md5[ \t]+(\S+)|\bstats[ \t]+auth[ \t]+[^\s:]+:(\S+)"
    r"|:[ \t]*(?:PSK|XAUTH|EAP|RSA)[ \t]+\"([^\"\n]{1,256})\""
    r"|\br[ow]community6?[ \t]+(\S+)|\bcom2sec6?[ \t]+\S+[ \t]+\S+[ \t]+(\S+)"
    r"|\becho[ \t]+(?:-n[ \t]+)?[\"']?[\w.-]{1,64}:([^\s\"'|]{1,256})[\"']?[ \t]*\|[ \t]*"
    r"(?:sudo[ \t]+)?chpasswd"
    r"|(?m:^)[ \t]*(?:incoming|outgoing)user[ \t]+\S{1,256}[ \t]+(\S{1,256})"
    r"|\bset[ \t]+password[ \t]+[0-9]{1,3}[ \t]+(\S{1,256})"
    r"|\bprivate-key[ \t]+<\([ \t]*echo[ \t]+[\"']?([^\s\"')]+)"
    r"|\b(?:Unseal|Recovery) Key [0-9]+:[ \t]*(\S+)"
    r"|\bpassword(?:-again)?[ \t]+password[ \t]+(\S+)"
)
# Lines whose fields have their meaning by their place: chap-secrets of ppp, whose fourth one is an
# address or `*`; pgpass of PostgreSQL; redis's `user app on >x`; postfix's sasl_passwd; NUT's
# upsmon.conf(5).
_FIELDS = (
    r"(?m)^[ \t]*(?:\"[^\"\n]{1,64}\"|[^\s\"#]{1,64})[ \t]+\*[ \t]+"
    r"(?:\"([^\"\n]{1,256})\"|([^\s\"*]{4,256}))[ \t]+(?:\*|[0-9.]{7,15})[ \t]*\r?$"
    r"|^[^\s:#\\]{1,253}:5432:[^\s:]{1,64}:[^\s:]{1,64}:((?:[^\s:\\]|\\.){1,256})\r?$"
    r"|^[ \t]*user[ \t]+\S{1,64}[ \t]+on[ \t]+>(\S{1,256})"
    r"|^\[[^\]\s]{1,253}\]:[0-9]{1,5}[ \t]+[^\s:]{1,256}:([^\s:\[\]]{1,256})[ \t]*\r?$"
    r"|^[ \t]*MONITOR[ \t]+\S{1,256}[ \t]+[0-9]+[ \t]+\S{1,64}[ \t]+(\S{1,256})"
)
# The same of pgpass with any port, and of sasl_passwd with an address as the user.
_MADE_UP_FIELDS = (
    r"(?m)^[^\s:#\\]{1,253}:\*:[^\s:]{1,64}:[^\s:]{1,64}:([^\s:]{1,256})\r?$"
    r"|^[^\s#@]{1,256}[ \t]+[^\s:@]{1,64}@[^\s:@]{1,253}:([^\s:@/]{1,256})[ \t]*\r?$"
)
# cloud-init's list of `user:password`.
_CHPASSWD, _CHPASSWD_LINE = "chpasswd:", r"\n[ \t]+([^\n]*)"
_CHPASSWD_LOGIN = r"[\"']?[a-z_][\w.-]{0,31}:([^\s:\"']{1,256})[\"']?[ \t]*\r?"
MAX_LINES = 100
# pgpass below the comment that PostgreSQL's manual proposes.
_PGPASS, _PGPASS_LINE = (
    "database:username:password",
    r"(?m)^[^\s:#\\]{1,253}:(?:[0-9]{1,5}|\*):[^\s:]{1,64}:[^\s:]{1,64}:((?:[^\s:\\]|\\.){1,256})\r?$",
)
MAX_FILE = 4096
# A key of munge is bytes, which a script or cloud-init writes in base64.
_MUNGE, _BASE64 = "munge.key", r"(?<![\w+/=])[A-Za-z0-9+/]{44,}={0,2}"
# What a shell writes into a program that reads a password.
_PIPED = (
    r"\b(?:echo|printf)[ \t]+(?:-[a-zA-Z]+[ \t]+)?(?:[\"']%s(?:\\n)?[\"'][ \t]+)?"
    r"(?:\"([^\"\n]{1,256})\"|'([^'\n]{1,256})'|([^\s\"'|]{1,256}))[ \t]*\|[ \t]*"
    r"(?:[^\n|;&]{0,64}(?:password|passwd|pass|passphrase|creds?)-?stdin|passwd[ \t]+--stdin"
    r"|(?:\S{1,64}[ \t]+)?(?:kinit|cryptsetup|smbpasswd|passwd)\b|sudo[ \t]+-[a-zA-Z]*S"
    r"|[^\n|;&]{0,64}--stdin-pass|[^\n|;&]{0,64}--passphrase-fd[ =]0)"
)
# `password x`, `secret "x";` as nginx, BIND, Fluentd and ntp write it, alone in its line.
_PLAIN_LINE = (
    r"(?am)^[ \t]*([A-Za-z][\w.-]{0,63})[ \t]+(?:[0-9][ \t]+)?"
    r"(?:\"([^\"\n]{4,256})\"|([^\s\"';]{4,256}))[ \t]*;?[ \t]*\r?$"
)
# So far are the lines read that a setting begins.
MAX_LINE = 1024


def find_in_plain_file(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the passwords in the lines that begin in this part of a text."""
    line_end = text.find("\n", end, end + MAX_LINE)
    end = min(end + MAX_LINE, len(text)) if line_end < 0 else line_end
    for pattern in (_FILES, _PIPED) if text.find("|", start, end) >= 0 else (_FILES,):
        for found in compiled(pattern).finditer(text, start, end):
            if not is_harmless(found[found.lastindex or 0]):
                yield found.span(found.lastindex or 0)
    at = text.find(_PGPASS, start, end)
    if at >= 0:
        for found in compiled(_PGPASS_LINE).finditer(text, at, at + MAX_FILE):
            if not is_harmless(found[1]):
                yield found.span(1)
    at = text.find(_CHPASSWD, start, end)
    if at >= 0:
        yield from _find_in_chpasswd(text, at + len(_CHPASSWD))
    at = text.find(_MUNGE, start, end)
    if at >= 0:
        around = max(at - MAX_FILE, 0), at + MAX_FILE
        for found in compiled(_BASE64).finditer(text, *around):
            if not is_path(found[0]):
                yield found.span()
    for found in compiled(_PLAIN_LINE).finditer(text, start, end):
        if _is_setting(found):
            yield found.span(found.lastindex or 0)


def find_in_fields(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the passwords in the lines of fields that this part of a text consists of."""
    for pattern in (_FIELDS, _MADE_UP_FIELDS):
        for found in compiled(pattern).finditer(text, start, end):
            value = found[found.lastindex or 0]
            if is_made_up(value) if pattern is _MADE_UP_FIELDS else not is_harmless(value):
                yield found.span(found.lastindex or 0)


def _find_in_chpasswd(text: str, at: int) -> Iterator[Span]:
    """Yield the passwords of the lines below cloud-init's `chpasswd:`."""
    line = compiled(r"[^\n]*").match(text, at)
    at = line.end() if line else at
    for _ in range(MAX_LINES):
        line = compiled(_CHPASSWD_LINE).match(text, at)
        if not line:
            return
        login = compiled(_CHPASSWD_LOGIN).fullmatch(text, line.start(1), line.end(1))
        if login and not is_harmless(login[1]):
            yield login.span(1)
        at = line.end()


def _is_setting(found: re.Match[str]) -> bool:
    """Return whether a line of two words is a setting, not prose: `password policy`."""
    level, value = judge_name(found[1]), found[found.lastindex or 0]
    has_digit = level == PASSWORD and compiled("[0-9]").search(value)
    is_prose = not found[2] and not has_digit and (len(value) < 8 or is_plain(value))
    return not is_prose and is_secret(value, level)
