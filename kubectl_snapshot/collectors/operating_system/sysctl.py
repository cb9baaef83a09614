"""The kernel's settings below /proc/sys (subtype OS.sysctl; contract section 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.forms import form_of_warnings
from kubectl_snapshot.collectors.operating_system.textfile import (
    find_repeated,
    parse_lines,
    split_words,
)
from kubectl_snapshot.constants import REFERENCE, WHITE_SPACE
from kubectl_snapshot.document.registry import STRING, VERSION, IgnoredKey, SubtypeSpec, TellingKeys
from kubectl_snapshot.document.snapshot import PARTIAL, Subtype
from kubectl_snapshot.errors import InvalidRequest, SnapshotError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_snapshot.clients.host.hostpath import Content, HostPath
    from kubectl_snapshot.collectors.operating_system.textfile import Text

ROOT = "/proc/sys"
COUNTER = "counts or measures while the node runs"


# What the kernel's documentation calls a number in use, or says that the kernel writes; the test
# has the source of each.
SPEC = SubtypeSpec(
    "sysctl",
    values=STRING,
    profile=REFERENCE,
    volatile=(
        IgnoredKey("/proc/sys/fs/aio-nr", COUNTER),
        IgnoredKey("/proc/sys/fs/dentry-state", COUNTER),
        IgnoredKey("/proc/sys/fs/file-nr", COUNTER),
        IgnoredKey("/proc/sys/fs/inode-nr", COUNTER),
        IgnoredKey("/proc/sys/fs/inode-state", COUNTER),
        *(
            IgnoredKey(f"/proc/sys/fs/quota/{name}", COUNTER)
            for name in (
                *("allocated_dquots", "cache_hits", "drops", "free_dquots"),
                *("lookups", "reads", "syncs", "writes"),
            )
        ),
        IgnoredKey("/proc/sys/kernel/hung_task_detect_count", COUNTER),
        IgnoredKey(
            "/proc/sys/kernel/hung_task_warnings",
            "the kernel counts it down; -1 and a limit differ",
            form_of_warnings,
        ),
        IgnoredKey("/proc/sys/kernel/msg_next_id", "the kernel sets it back"),
        IgnoredKey("/proc/sys/kernel/ns_last_pid", COUNTER),
        IgnoredKey("/proc/sys/kernel/perf_event_max_sample_rate", "the kernel lowers it itself"),
        IgnoredKey("/proc/sys/kernel/pty/nr", COUNTER),
        IgnoredKey("/proc/sys/kernel/random/boot_id", "new at each boot"),
        IgnoredKey("/proc/sys/kernel/random/entropy_avail", COUNTER),
        IgnoredKey("/proc/sys/kernel/random/uuid", "new at each reading"),
        IgnoredKey(
            "/proc/sys/kernel/sched_domain/*/max_newidle_lb_cost", "the scheduler measures it"
        ),
        IgnoredKey("/proc/sys/kernel/sem_next_id", "the kernel sets it back"),
        IgnoredKey("/proc/sys/kernel/shm_next_id", "the kernel sets it back"),
    ),
    identity=(IgnoredKey("/proc/sys/kernel/hostname", "of each node"),),
    ignored_context=("unreadable",),
    repeats={"/proc/sys/kernel/osrelease": "K8s.node.kernel-version"},
    telling=(TellingKeys(VERSION, ("/proc/sys/kernel/osrelease",)),),
)

# Prefixes of paths, as the contract has them: /proc/sys/netfilter is excluded as well.
EXCLUDED = ("/proc/sys/net", "/proc/sys/dev/cdrom/")
# Ends of paths whose reading or writing acts on the kernel. stat_refresh: a read, too, folds the
# counters of all CPUs and may log a warning (vm.rst; vmstat_refresh in mm/vmstat.c).
# compact_memory: compacts all zones (vm.rst); the kernel's mode makes it write-only, but not that
# of a copied tree. trigger: the usual name of a file that acts.
ACTING = ("/vm/stat_refresh", "/vm/compact_memory", "/trigger")
# The kernel answers these for the reader's namespaces, whichever /proc they are read from (in its
# source: ipc/ipc_sysctl.c, ipc/mq_sysctl.c; kernel/utsname_sysctl.c, reboot.c, pid_namespace.c,
# ucount.c; pid_max since 6.14). The rest of the UTS names cannot be set and so are the node's too.
NAMESPACED = {
    "ipc": ("kernel/shm*", "kernel/msg*", "kernel/sem*", "kernel/auto_msgmni", "fs/mqueue/*"),
    "uts": ("kernel/hostname", "kernel/domainname"),
    "pid": ("kernel/cad_pid", "kernel/ns_last_pid", "kernel/pid_max"),
    "user": ("user/*",),
}
MAX_NAMED_PATHS = 100


def read(host: HostPath) -> Subtype:
    """Return the kernel's settings, key = full path (Documentation/admin-guide/sysctl).

    Settings of the reader's namespaces are dropped where these are not the node's. Then, and where
    a read was refused, the status is `partial`. `comment.<path>` has the text of a file that the
    text rules treat as a comment and so as empty: kernel/version begins with `#`.
    """
    files = host.read_tree(ROOT, _is_excluded)
    return build_sysctl(SPEC.name, files, _drop_foreign(files, host.foreign_namespaces))


def build_sysctl(name: str, files: Mapping[str, Content], dropped: list[str]) -> Subtype:
    """Return the subtype of files below /proc/sys; `dropped` are patterns of those left out."""
    entries: list[tuple[str, str]] = []
    comments: dict[str, str] = {}
    unread: dict[str, SnapshotError] = {}
    for path, content in files.items():
        if isinstance(content, SnapshotError):
            unread[path] = content
            continue
        try:
            found = parse_entries(path, content)
        except InvalidRequest as error:
            unread[path] = error
            continue
        entries += found
        if found == [(path, "")] and (comment := content.decode().strip(WHITE_SPACE)):
            comments[f"comment.{path}"] = comment
    repeated = find_repeated(entries, "\n")
    return Subtype(name, dict(entries), {**comments, **repeated, **_describe_gaps(dropped, unread)})


def parse_entries(path: str, text: Text) -> list[tuple[str, str]]:
    """Return the entries of one file below /proc/sys.

    In a table (several lines of two or more words each) each line is an entry, named by its first
    word; any other file is one entry.
    """
    lines = parse_lines(text)
    if len(lines) > 1:
        rows = [split_words(line) for line in lines]
        if all(len(row) > 1 for row in rows):
            return [(f"{path}/{row[0]}", " ".join(row[1:])) for row in rows]
    return [(path, "\n".join(lines))]


def _is_excluded(path: str) -> bool:
    return path.startswith(EXCLUDED) or path.endswith(ACTING)


def _drop_foreign(files: dict[str, Content], namespaces: Iterable[str]) -> list[str]:
    """Delete the settings of these namespaces; return the patterns that matched."""
    dropped = []
    for pattern in (pattern for name in namespaces for pattern in NAMESPACED[name]):
        prefix = f"{ROOT}/{pattern.rstrip('*')}"
        paths = [path for path in files if path.startswith(prefix)]
        for path in paths:
            del files[path]
        if paths:
            dropped.append(pattern)
    return dropped


def _describe_gaps(dropped: list[str], unread: dict[str, SnapshotError]) -> dict[str, str]:
    reasons = []
    if dropped:
        names = ", ".join(dropped)
        reasons.append(
            f"left out, because they belong to the pod's namespaces, not the node's: {names}"
        )
    refused = sum(isinstance(error, Unavailable) for error in unread.values())
    if refused:
        reasons.append(f"{refused} entries need more privileges; `unreadable` names them")
    context = {"status": PARTIAL, "reason": "; ".join(reasons)} if reasons else {}
    if unread:
        more = f" (+{len(unread) - MAX_NAMED_PATHS} more)" if len(unread) > MAX_NAMED_PATHS else ""
        context["unreadable"] = ",".join([*unread][:MAX_NAMED_PATHS]) + more
    return context
