"""The node's kernel and operating system (measurement type OS): which subtypes, in which order.

A subtype is a module with SPEC and `read(host)`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system import grub, kmod, release, sysctl, sysctl_net
from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.document.registry import STRING, UNSET, SubtypeSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

# In the document's order.
MODULES = (grub, sysctl, kmod, release, sysctl_net)
# A driver that answers a sysctl may hang.
READ_LAST = ("sysctl", "sysctl-net")

TYPE = "OS"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
# By labels of the node, which K8s.node reads (run/compose): AICR has it under OS, where it exists.
EXTENSIONS = SubtypeSpec("extensions", values=STRING, missing=UNSET)
SUBTYPES = (*(module.SPEC for module in MODULES), EXTENSIONS)
DEADLINE_S = 10.0


def choose_subtypes(_: Context) -> tuple[str, ...]:
    """Return the subtypes that the document always has."""
    return tuple(module.SPEC.name for module in MODULES)


def collect(context: Context) -> Iterator[Subtype]:
    """Return the subtypes of the profile, each read on its own."""
    modules = [m for m in MODULES if context.settings.includes(m.SPEC.profile)]
    for module in sorted(modules, key=lambda module: module.SPEC.name in READ_LAST):
        yield read_subtype(module.SPEC.name, partial(module.read, context.host))
