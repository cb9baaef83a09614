"""Find the credentials in a command by the flags of the program that it calls. Pure.

Sources: the programs' own manual pages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.redaction.opacity import compiled, is_harmless, is_plain
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# What of a word is the secret: all; what follows the first `:` of a login, the `%` (smbclient), the
# first `,` (lftp); of curl also a login without a user; of openssl-passphrase-options(1).
ALL, LOGIN, PERCENT, COMMA = r"(.+)", r"[^:]*:(.+)", r"[^%]*%(.+)", r"[^,]*,(.+)"
CURL, OPENSSL = r"(?:[^:]*:)?(.+)", r"(?:pass:)?(?!(?:env|file|fd):|stdin$)(.+)"


class Rule(NamedTuple):
    """Flags of some programs whose values are secrets; `attached`: also as `-pX`.

    With `command`, they count after that word only. Without flags, `secret` is any word's; with
    `command` and without flags, the word at `position` of those after it that are no flags.
    """

    programs: str
    flags: str = ""
    secret: str = ALL
    command: str = ""
    attached: bool = False
    position: int = 0


_MYSQL = (
    "mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlpump mariadb mariadb-dump mariadb-admin"
    " mariadb-backup xtrabackup"
)
_LDAP = "ldapsearch ldapmodify ldapadd ldapdelete ldappasswd ldapwhoami"
_MONGO = "mongo mongosh mongodump mongorestore mongoexport mongoimport cqlsh"
_SNMP = "snmpwalk snmpget snmpset snmpbulkwalk snmptrap snmpgetnext snmptable"
_REGISTRY = "docker podman nerdctl buildah skopeo helm oras crane regctl"
RULES = (
    Rule(
        "curl", "-u --user -U --proxy-user --pass --proxy-pass --oauth2-bearer", CURL, attached=True
    ),
    Rule("wget", "--http-password --ftp-password --proxy-password"),
    Rule("ctr nerdctl", "-u --user", LOGIN),
    Rule("crictl skopeo buildah podman oras", "--creds --src-creds --dest-creds --auth", LOGIN),
    Rule(_REGISTRY, "-p --password", command="login", attached=True),
    Rule("oc az argocd", "-p --password", command="login", attached=True),
    Rule("sshpass redfishtool racadm", "-p", attached=True),
    Rule(
        "ipmi-sensors ipmi-sel ipmi-fru ipmipower bmc-config bmc-info ipmiconsole", "-p --password"
    ),
    Rule("ipmitool", command="password", position=1),
    Rule("ilorest saa sum", "-p --password", command="login", attached=True),
    Rule("ipa-client-install ipa-replica-install", "-w -p --password --admin-password"),
    Rule("ssh-keygen", "-N -P"),
    Rule("http https", "-a --auth", LOGIN),
    Rule("mosquitto_pub mosquitto_sub", "-P --pw"),
    Rule("wandb", secret=r"([0-9a-f]{40})", command="login"),
    Rule("weka", command="login", position=1),
    Rule("rclone", command="obscure"),
    Rule("aws", command="aws_secret_access_key aws_session_token"),
    Rule(_MYSQL, secret=r"-p(.+)"),
    Rule("redis-cli valkey-cli keydb-cli", "-a --pass"),
    Rule("openssl", "-k -K -passin -passout -pass -password", OPENSSL),
    Rule(_LDAP, "-w -s", attached=True),
    Rule(_MONGO, "-p", attached=True),
    Rule("sqlcmd bcp ipmitool zip unzip", "-P", attached=True),
    Rule("7z 7za 7zz rar unrar", secret=r"-h?p(.+)"),
    Rule("smbclient rpcclient smbget net", "-U --user", PERCENT, attached=True),
    Rule("lftp", "-u --user", COMMA),
    Rule(_SNMP, "-c -A -X"),
    Rule("etcdctl", "--user", LOGIN),
    Rule("influx", "-p -t"),
    Rule("erl erlexec beam.smp", "-setcookie"),
    Rule("rabbitmqctl", command="add_user change_password", position=1),
    Rule("vault bao", command="login unseal"),
    Rule("wpa_passphrase", command="wpa_passphrase", position=1),
    Rule("mc", command="set add", position=3),
    Rule("htpasswd", command="htpasswd", position=2),
    Rule("keytool jarsigner", "-storepass -keypass -srcstorepass -deststorepass"),
    Rule("xfreerdp", secret=r"/p:(.+)"),
    Rule("kubectl oc", "--from-literal", r"[^=]*=(.+)"),
    Rule("iscsiadm", "-v --value"),
    Rule("nmcli", "password wifi-sec.psk 802-11-wireless-security.psk"),
    Rule("gpg gpg2", "--passphrase"),
    Rule("useradd usermod", "-p --password"),
)
PROGRAMS: Mapping[str, list[Rule]] = {
    name: [rule for rule in RULES if name in rule.programs.split()]
    for listed in RULES
    for name in listed.programs.split()
}

# Words of a command, as a shell separates them; quotes are kept out.
_WORD = compile_late(
    r"\"((?:[^\"\\\n]|\\.){0,4096})\"|'([^'\n]{0,4096})'|([^\s\"'|;&()<>,\]\[{}]+)"
)
# To the end of the line, or of a list of arguments in YAML.
_COMMAND = compile_late(r"(?:[^\n|;&]|\n[ \t]{0,64}-[ \t]){0,4096}")
MAX_COMMAND, MAX_WORDS, MAX_WORD = 4096, 64, 512
_USER_LOGIN = r"(?:--user(?:pass)?=)?[^\s:/]{1,64}:([^\s:/]{4,256})"
_USER_FLAG = (
    r"--user(?:pass)?(?:=|[ \t]+|[\"'],[ \t]*)[\"']?[^\s:/\"']{1,64}:([^\s:/\"']{4,256})(?![:/])"
)
_QUOTES = ('"', "'")


def find_in_words(words: Sequence[str]) -> dict[int, tuple[int, int]]:
    """Return, by index, where secrets are in the words of a command.

    Any word may be the program: `docker exec db mysql -px` calls two.
    """
    found: dict[int, tuple[int, int]] = {}
    for at, word in enumerate(words[:MAX_WORDS]):
        if word.startswith("--user"):
            found.update(_find_login(words, at))
        for rule in PROGRAMS.get(word.rpartition("/")[2], ()):
            found.update(_apply(rule, words, at))
    return found


def _find_login(words: Sequence[str], at: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the password of any program's `--user a:b`, unless it may be a group: `nginx:nginx`."""
    index = at if "=" in words[at] else at + 1
    login = compiled(_USER_LOGIN).fullmatch(words[index]) if index < len(words) else None
    if login and not is_plain(login[1]):
        yield index, login.span(1)


def find_in_text(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where secrets are in the commands that are called in this part of a text."""
    for flag in compiled(_USER_FLAG).finditer(text, start, end + MAX_WORD):
        if flag.start() < end and not is_plain(flag[1]):
            yield flag.span(1)
    position = start
    for program in _compile_programs().finditer(text, start, end):
        if program.start() < position:
            continue  # a word of the command before
        begin, position = _find_command(text, *program.span())
        places = [m for m in _WORD.finditer(text, begin, position) if m[0] != "-"][:MAX_WORDS]
        words = [match[match.lastindex or 0] for match in places]
        for index, (left, right) in find_in_words(words).items():
            offset = places[index].start(places[index].lastindex or 0)
            yield offset + left, offset + right


def _find_command(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the command of the program between `start` and `end` begins and ends."""
    quote = text[start - 1 : start]
    if quote in _QUOTES and text[end : end + 1] == quote:
        start -= 1  # `["curl", "-u", …`
    command = _COMMAND.match(text, start)
    stop = command.end() if command else end
    if quote in _QUOTES and text[start : start + 1] != quote:
        closing = text.find(quote, end, stop)  # `sh -c "curl -u …"`
        stop = closing if closing >= 0 else stop
    return start, min(stop, start + MAX_COMMAND)


@lru_cache(maxsize=1)
def _compile_programs() -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, PROGRAMS), key=len, reverse=True))
    return re.compile(rf"(?<![\w.-])(?:{names})(?=[\s\"'])")


def _apply(rule: Rule, words: Sequence[str], at: int) -> Iterator[tuple[int, tuple[int, int]]]:
    commands = rule.command.split()
    if commands and words[at].rpartition("/")[2] not in commands:
        at = next((i for i in range(at + 1, len(words)) if words[i] in commands), len(words))
    rest = range(at + 1, len(words))
    if commands and not rule.flags:
        values = [i for i in rest if not words[i].startswith("-")]
        if rule.secret == ALL:
            yield from _cut(r"(?!\w+=)(.+)", words, values[rule.position : rule.position + 1], 0)
        else:
            yield from _cut(rule.secret, words, values, 0)
    elif not rule.flags:
        yield from _cut(rule.secret, words, rest, 0)
    else:
        for index in rest:
            yield from _apply_flags(rule, words, index)


def _apply_flags(
    rule: Rule, words: Sequence[str], index: int
) -> Iterator[tuple[int, tuple[int, int]]]:
    flags = rule.flags.split()
    word = words[index]
    name, sign, _ = word.partition("=")
    if words[index - 1] in flags:
        yield from _cut(rule.secret, words, (index,), 0)
    elif sign and name in flags:
        yield from _cut(rule.secret, words, (index,), len(name) + 1)
    elif rule.attached and word[:2] in flags:
        yield from _cut(rule.secret, words, (index,), 2)


def _cut(
    secret: str, words: Sequence[str], indexes: Iterable[int], offset: int
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield where the secret is in these words, behind `offset` characters."""
    for index in indexes:
        found = compiled(secret, re.S).fullmatch(words[index], offset)
        if found and not is_harmless(found[1]):
            yield index, found.span(1)
