"""What is no news where two documents differ, and why. Data, and how a value is seen without it.

A pattern is of a whole path, as everywhere; `*` is any run of characters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from kubectl_snapshot.document.patterns import matches_any


class Pattern(NamedTuple):
    """Paths that do not count, and the reason."""

    path: str
    why: str


CLOCKWORK = "counts or measures while the node runs"

# What changes while nobody changes anything.
VOLATILE = (
    Pattern("metadata.*", "how and when the document was taken"),
    Pattern("GPU.gpu-*-state.*", "what a GPU does at the moment"),
    Pattern("OS.sysctl./proc/sys/fs/aio-nr", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/fs/dentry-state", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/fs/file-nr", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/fs/inode-nr", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/fs/inode-state", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/fs/quota/*", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/kernel/ns_last_pid", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/kernel/perf_event_max_sample_rate", "the kernel lowers it itself"),
    Pattern("OS.sysctl./proc/sys/kernel/pty/nr", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/kernel/random/boot_id", "new at each boot"),
    Pattern("OS.sysctl./proc/sys/kernel/random/entropy_avail", CLOCKWORK),
    Pattern("OS.sysctl./proc/sys/kernel/random/uuid", "new at each reading"),
    Pattern(
        "OS.sysctl./proc/sys/kernel/sched_domain/*/max_newidle_lb_cost", "the scheduler measures it"
    ),
    Pattern("SystemD.*.*Timestamp*", "when a unit changed its state"),
    Pattern("SystemD.*.CPUUsageNSec", CLOCKWORK),
    Pattern("SystemD.*.ControlGroupId", "new at each start of a unit"),
    Pattern("SystemD.*.ControlPID", "new at each start of a unit"),
    Pattern("SystemD.*.ExecMain*", "the last start and end of a unit"),
    Pattern("SystemD.*.IO*Bytes", CLOCKWORK),
    Pattern("SystemD.*.IO*Operations", CLOCKWORK),
    Pattern("SystemD.*.IP*Bytes", CLOCKWORK),
    Pattern("SystemD.*.IP*Packets", CLOCKWORK),
    Pattern("SystemD.*.InvocationID", "new at each start of a unit"),
    Pattern("SystemD.*.MainPID", "new at each start of a unit"),
    Pattern("SystemD.*.MemoryAvailable", CLOCKWORK),
    Pattern("SystemD.*.*Current", CLOCKWORK),
    Pattern("SystemD.*.*Peak", CLOCKWORK),
)

# Keys of a context that tell how the reading went, or what `data` has, too.
TELLING = (
    "elapsed-ms",
    "left-out",
    "note",
    "pci-bus-id",
    "pci.gpu-count",
    "pci.missing",
    "reason",
    "status",
    "unreadable",
    "uuid",
)

# What no two nodes share: no difference between documents of two nodes, and one between two of the
# same node.
IDENTITY = (
    Pattern("GPU.gpu-*.mig.*.uuid", "of each MIG device"),
    Pattern("GPU.gpu-*.nvlink.*.remote-pci-bus-id", "of each GPU"),
    Pattern("GPU.gpu-*.pci.bus-id", "of each GPU; clouds give each machine others"),
    Pattern("GPU.gpu-*.pdi", "of each GPU"),
    Pattern("GPU.gpu-*.platform.chassis-serial-number", "of each chassis"),
    Pattern("GPU.gpu-*.platform.host-id", "of each place in a rack"),
    Pattern("GPU.gpu-*.platform.ib-guid", "of each GPU"),
    Pattern("GPU.gpu-*.platform.slot-number", "of each place in a rack"),
    Pattern("GPU.gpu-*.platform.tray-index", "of each place in a rack"),
    Pattern("GPU.gpu-*.serial", "of each board"),
    Pattern("GPU.gpu-*.uuid", "of each GPU"),
    Pattern("K8s.node.provider-id", "of each machine"),
    Pattern("K8s.node.source-node", "of each node"),
    Pattern("OS.grub.BOOTIF", "of each network card"),
    Pattern("OS.grub.boot", "of each disk"),
    Pattern("OS.grub.ip", "of each node"),
    Pattern("OS.grub.rd.luks.uuid", "of each disk"),
    Pattern("OS.grub.rd.md.uuid", "of each disk"),
    Pattern("OS.grub.resume", "of each disk"),
    Pattern("OS.grub.systemd.machine_id", "of each node"),
    Pattern("OS.sysctl./proc/sys/kernel/hostname", "of each node"),
)

# systemd keeps these as sets: their order is that of a table whose hash is random in each systemd.
UNORDERED = tuple(
    Pattern(f"SystemD.*.{name}", "a set")
    for name in (
        "After",
        "Before",
        "BindsTo",
        "BoundBy",
        "ConflictedBy",
        "Conflicts",
        "ConsistsOf",
        "JoinsNamespaceOf",
        "Names",
        "OnFailure",
        "OnFailureOf",
        "OnSuccess",
        "OnSuccessOf",
        "PartOf",
        "PropagatesReloadTo",
        "PropagatesStopTo",
        "ReloadPropagatedFrom",
        "RequiredBy",
        "Requires",
        "RequiresMountsFor",
        "Requisite",
        "RequisiteOf",
        "SliceOf",
        "StopPropagatedFrom",
        "TriggeredBy",
        "Triggers",
        "UpheldBy",
        "Upholds",
        "WantedBy",
        "Wants",
        "WantsMountsFor",
    )
)

# Members of these sets that come and go with containers, sessions and services.
TRANSIENT_UNIT = re.compile(
    r"(?:run|tmp|var-lib-(?:containerd|containers|docker|kubelet))-.*\.mount|.*\.scope"
)

# Where a node's own name and address stand in the midst of settings.
NAMING = (
    Pattern("OS.grub.*", "the kernel's command line"),
    Pattern("SystemD.*.Environment", "a unit's variables"),
    Pattern("SystemD.*.Exec*", "a unit's commands"),
)
# Flags of kubelet, k3s and kubeadm that give a node its own name or address.
NODE_FLAG = re.compile(
    r"(--(?:hostname-override|node-ip|node-external-ip|node-name|advertise-address|provider-id)"
    r"[= ])[^\s\]\"',]+(?:,[0-9a-fA-F.:]+)?"
)
OWN = "<its own>"
# The end of a command in a unit's Exec*: path, arguments, flags, four times, PID, how it ended
# (org.freedesktop.systemd1, ExecStart is a(sasbttttuii), ExecStartEx a(sasasttttuii)).
COMMAND_RUN = re.compile(r"(\] (?:true|false|\[[^\[\]]*\]))(?: \d+){5}((?: -?\d+){2}\])")
COMMANDS = ("SystemD.*.Exec*",)


def is_volatile(path: str) -> bool:
    """Return whether a path changes by itself."""
    return _is_of(path, _VOLATILE)


def is_identity(path: str) -> bool:
    """Return whether no two nodes have the same value at a path."""
    return _is_of(path, _IDENTITY)


def steady_text(path: str, text: str) -> str:
    """Return a value without times, process numbers, passing units, and the order of sets."""
    if not path.startswith("SystemD."):
        return text
    if matches_any(path, COMMANDS):
        return COMMAND_RUN.sub(r"\1\2", text)
    if _is_of(path, _UNORDERED) and text.startswith("[") and text.endswith("]"):
        units = (unit for unit in text[1:-1].split() if not TRANSIENT_UNIT.fullmatch(unit))
        return f"[{' '.join(sorted(units))}]"
    return text


def anonymous_text(path: str, text: str, node_name: str) -> str:
    """Return a value without its node's name and address, where settings hold them."""
    if not _is_of(path, _NAMING):
        return text
    text = NODE_FLAG.sub(rf"\1{OWN}", text)
    return _naming(node_name).sub(OWN, text) if node_name else text


def _by_type(patterns: tuple[Pattern, ...]) -> dict[str, tuple[str, ...]]:
    """Return the patterns by what they begin with: most paths are of a type that has none."""
    types = dict.fromkeys(pattern.path.partition(".")[0] for pattern in patterns)
    return {
        type_: tuple(p.path for p in patterns if p.path.startswith(f"{type_}.")) for type_ in types
    }


def _is_of(path: str, patterns: dict[str, tuple[str, ...]]) -> bool:
    return matches_any(path, patterns.get(path.partition(".")[0], ()))


@lru_cache(maxsize=2)
def _naming(node_name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(node_name)}(?![\w-])")


_VOLATILE, _IDENTITY = _by_type(VOLATILE), _by_type(IDENTITY)
_UNORDERED, _NAMING = _by_type(UNORDERED), _by_type(NAMING)
