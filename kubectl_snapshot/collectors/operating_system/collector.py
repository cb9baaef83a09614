"""The node's kernel and operating system (measurement type OS): which subtypes, in which order.

A subtype of AICR is a module with SPEC and `read(host)`. The declarations of the others are in
subtypes.py; the code that reads them is imported when the collector runs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system import grub, kmod, release, sysctl, sysctl_net
from kubectl_snapshot.collectors.operating_system.subtypes import SPECS
from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.document.registry import STRING, UNSET, SubtypeSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Subtype

# In the document's order.
MODULES = (grub, sysctl, kmod, release, sysctl_net)
# A driver that answers a sysctl may hang, and so may a file system that is asked for its space.
READ_LAST = ("sysctl", "sysctl-net", "mounts", "filesystems")

TYPE = "OS"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
# By labels of the node, which K8s.node reads (run/compose): AICR has it under OS, where it exists.
EXTENSIONS = SubtypeSpec("extensions", values=STRING, missing=UNSET)
OWN = (*(module.SPEC for module in MODULES), *SPECS)
SUBTYPES = (*OWN, EXTENSIONS)
DEADLINE_S = 10.0


def choose_subtypes(_: Context) -> tuple[str, ...]:
    """Return the subtypes that the document always has."""
    return tuple(spec.name for spec in OWN)


def collect(context: Context) -> Iterator[Subtype]:
    """Return the subtypes of the profile, each read on its own."""
    chosen = [spec for spec in OWN if context.settings.includes(spec.profile)]
    reads = {module.SPEC.name: module.read for module in MODULES}
    if any(spec in chosen for spec in SPECS):
        reads.update(_import_reads())
    for spec in sorted(chosen, key=lambda spec: spec.name in READ_LAST):
        yield read_subtype(spec.name, partial(reads[spec.name], context.host))


def _import_reads() -> Mapping[str, Callable[[HostPath], Subtype]]:
    from kubectl_snapshot.collectors.operating_system import (
        clock,
        kernel,
        limits,
        memory,
        packages,
        security,
        storage,
    )

    return {
        "cgroup": storage.read_cgroup,
        "kernel-config": kernel.read_config,
        "taint": kernel.read_taint,
        "livepatch": kernel.read_livepatch,
        "security": security.read,
        "memory": memory.read,
        "limits": limits.read,
        "time": clock.read,
        "packages": packages.read,
        "block-devices": storage.read_block_devices,
        "mounts": storage.read_mounts,
        "filesystems": storage.read_filesystems,
    }
