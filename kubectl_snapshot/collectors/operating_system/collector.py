"""How the node's kernel and system are set up (type OS): grub, sysctl, kmod, release.

Keys and rules are those of contract section 2.3; what `data` cannot hold by these rules, `context`
does.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system.textfile import (
    TextRules,
    parse_lines,
    parse_map,
    read_content,
    split_words,
)
from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.constants import WHITE_SPACE
from kubectl_snapshot.document.snapshot import ABSENT, PARTIAL, Subtype
from kubectl_snapshot.errors import Internal, InvalidRequest, SnapshotError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kubectl_snapshot.clients.host.hostpath import Content, HostPath
    from kubectl_snapshot.collectors.operating_system.textfile import Text

TYPE = "OS"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = ("grub", "sysctl", "kmod", "release")
DEADLINE_S = 10.0

COMMAND_LINE = "/proc/cmdline"
MODULES = "/proc/modules"
RELEASE = "/etc/os-release"
RELEASE_FALLBACK = "/usr/lib/os-release"
SYSCTL = "/proc/sys"

COMMAND_LINE_RULES = TextRules(delimiter=" ")
RELEASE_RULES = TextRules(trim_chars="\"'", skip_empty_values=True)

# Prefixes of paths, as the contract has them: /proc/sys/netfilter would go as well.
EXCLUDED_SYSCTLS = ("/proc/sys/net", "/proc/sys/dev/cdrom/")
# The kernel answers these for the reader's namespaces, whichever /proc they are read from (in its
# source: ipc/ipc_sysctl.c, ipc/mq_sysctl.c; kernel/utsname_sysctl.c, reboot.c, pid_namespace.c,
# ucount.c; pid_max since 6.14). The rest of the UTS names cannot be set and so are the node's too.
NAMESPACED_SYSCTLS = {
    "ipc": ("kernel/shm*", "kernel/msg*", "kernel/sem*", "kernel/auto_msgmni", "fs/mqueue/*"),
    "uts": ("kernel/hostname", "kernel/domainname"),
    "pid": ("kernel/cad_pid", "kernel/ns_last_pid", "kernel/pid_max"),
    "user": ("user/*",),
}
NAMED_PATHS = 100

_WHITE_SPACE_TO_NEWLINE = str.maketrans(dict.fromkeys(WHITE_SPACE, "\n"))


def collect(context: Context) -> Iterator[Subtype]:
    """Return the four subtypes, each read apart from the others."""
    # sysctl comes last: it alone reads what drivers answer, and a driver may hang.
    readers = {
        "grub": read_grub,
        "kmod": read_modules,
        "release": read_release,
        "sysctl": read_sysctls,
    }
    for name, read in readers.items():
        yield read_subtype(name, partial(read, context.host))


def read_grub(host: HostPath) -> Subtype:
    """Return what the kernel was started with (Documentation/admin-guide/kernel-parameters.rst)."""
    line = read_content(host, COMMAND_LINE)
    return Subtype("grub", parse_kernel_command_line(line), parse_lost_parameters(line))


def read_modules(host: HostPath) -> Subtype:
    """Return the loaded modules (Documentation/filesystems/proc.rst, modules)."""
    return Subtype("kmod", parse_modules(read_content(host, MODULES)))


def read_release(host: HostPath) -> Subtype:
    """Return the operating system's own description of itself (os-release(5))."""
    try:
        content = read_content(host, RELEASE)
    except Internal as error:
        if error.collector_status != ABSENT:
            raise
        content = read_content(host, RELEASE_FALLBACK)
    return Subtype("release", parse_release(content))


def read_sysctls(host: HostPath) -> Subtype:
    """Return the kernel's settings, key = full path (Documentation/admin-guide/sysctl).

    What the kernel answers for the reader's namespaces is left out where these are not the node's.
    Then, and where more rights would show more, the status is `partial`; what nobody can read is
    only named. `comment.<path>` has the text of a file that the rules take for a comment and so for
    empty: kernel/version begins with `#`.
    """
    files = host.read_tree(SYSCTL, _is_excluded)
    left_out = _drop_foreign(files, host.foreign_namespaces)
    entries: list[tuple[str, str]] = []
    comments: dict[str, str] = {}
    unread: dict[str, SnapshotError] = {}
    for path, content in files.items():
        if isinstance(content, SnapshotError):
            unread[path] = content
            continue
        try:
            found = parse_sysctl(path, content)
        except InvalidRequest as error:
            unread[path] = error
            continue
        entries += found
        if found == [(path, "")] and (comment := content.decode().strip(WHITE_SPACE)):
            comments[f"comment.{path}"] = comment
    repeated = _find_repeated(entries, "\n")
    return Subtype(
        "sysctl", dict(entries), {**comments, **repeated, **_describe_gaps(left_out, unread)}
    )


def parse_kernel_command_line(text: Text) -> dict[str, str]:
    """Return the parameters of a kernel command line but `root`; quotes are not understood."""
    parameters = parse_map(text, COMMAND_LINE_RULES)
    parameters.pop("root", None)
    return parameters


def parse_lost_parameters(text: str) -> dict[str, str]:
    """Return what parse_kernel_command_line loses: `repeated.<key>`, `quoted.<key>`.

    These are all values of a repeated parameter, and each value that has blanks in double quotes,
    which the kernel does understand (lib/cmdline.c, next_arg).
    """
    # Every second piece is between quotes; in the others each white space ends a word.
    pieces = text.split('"')
    pieces[::2] = [piece.translate(_WHITE_SPACE_TO_NEWLINE) for piece in pieces[::2]]
    entries = []
    for word in '"'.join(pieces).split("\n"):
        key, _, value = word.strip('"').partition("=")
        if key and key != "root" and not key.startswith("#"):
            entries.append((key, value.strip('"')))
    quoted = {f"quoted.{key}": value for key, value in entries if " " in value}
    return {**_find_repeated(entries, " "), **quoted}


def parse_modules(text: Text) -> dict[str, bool]:
    """Return the name of each module of /proc/modules, true."""
    return {split_words(line)[0]: True for line in parse_lines(text)}


def parse_release(text: Text) -> dict[str, str]:
    """Return the fields of an os-release file that have a value; escapes are not processed."""
    return parse_map(text, RELEASE_RULES)


def parse_sysctl(path: str, text: Text) -> list[tuple[str, str]]:
    """Return the entries of one file below /proc/sys.

    A table, that is several lines of two or more words each, makes an entry a line, named by the
    line's first word; anything else is one entry.
    """
    lines = parse_lines(text)
    if len(lines) > 1:
        rows = [split_words(line) for line in lines]
        if all(len(row) > 1 for row in rows):
            return [(f"{path}/{row[0]}", " ".join(row[1:])) for row in rows]
    return [(path, "\n".join(lines))]


def _is_excluded(path: str) -> bool:
    return path.startswith(EXCLUDED_SYSCTLS)


def _drop_foreign(files: dict[str, Content], namespaces: Iterable[str]) -> list[str]:
    """Delete what belongs to these namespaces; return the patterns under which something was."""
    left_out = []
    for pattern in (pattern for name in namespaces for pattern in NAMESPACED_SYSCTLS[name]):
        prefix = f"{SYSCTL}/{pattern.rstrip('*')}"
        paths = [path for path in files if path.startswith(prefix)]
        for path in paths:
            del files[path]
        if paths:
            left_out.append(pattern)
    return left_out


def _find_repeated(entries: Iterable[tuple[str, str]], separator: str) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for key, value in entries:
        values.setdefault(key, []).append(value)
    return {
        f"repeated.{key}": separator.join(all_) for key, all_ in values.items() if len(all_) > 1
    }


def _describe_gaps(left_out: list[str], unread: dict[str, SnapshotError]) -> dict[str, str]:
    reasons = []
    if left_out:
        names = ", ".join(left_out)
        reasons.append(
            f"left out, because they tell of the pod's namespaces and not the node's: {names}"
        )
    refused = sum(isinstance(error, Unavailable) for error in unread.values())
    if refused:
        reasons.append(
            f"{refused} entries may be read with more rights only; `unreadable` names them"
        )
    context = {"status": PARTIAL, "reason": "; ".join(reasons)} if reasons else {}
    if unread:
        more = f" (+{len(unread) - NAMED_PATHS} more)" if len(unread) > NAMED_PATHS else ""
        context["unreadable"] = ",".join([*unread][:NAMED_PATHS]) + more
    return context
