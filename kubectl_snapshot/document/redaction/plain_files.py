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
    r"|identified)[ \t]|\|"
)
# Files whose settings have no sign: redis.conf, netrc(5), snmpd.conf(5), nslcd.conf(5),
# slapd.conf(5), keepalived.conf(5), haproxy, FRR and switches, ipsec.secrets(5); SQL.
_PLAIN_WORDS = (
    r"requirepass|masterauth|bindpw|rootpw|auth_pass|insecure-password|key-string"
    r"|authentication-key"
)
_FILE_VALUE = r"(?:\"([^\"\n]{1,256})\"|([^\s\"]+))"
_FILES = (
    rf"\b(?:{_PLAIN_WORDS})[ \t]+{_FILE_VALUE}(?=[ \t]*(?m:$|#))"
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
)
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
    for found in compiled(_PLAIN_LINE).finditer(text, start, end):
        if _is_setting(found):
            yield found.span(found.lastindex or 0)


def _is_setting(found: re.Match[str]) -> bool:
    """Return whether a line of two words is a setting, not prose: `password policy`."""
    level, value = judge_name(found[1]), found[found.lastindex or 0]
    has_digit = level == PASSWORD and compiled("[0-9]").search(value)
    is_prose = not found[2] and not has_digit and (len(value) < 8 or is_plain(value))
    return not is_prose and is_secret(value, level)
