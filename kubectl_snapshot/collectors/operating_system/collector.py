"""The node's kernel and operating system (measurement type OS): which subtypes, in which order.

A subtype is a module with SPEC and `read(host)`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system import grub, kmod, release, sysctl
from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

# In the document's order.
MODULES = (grub, sysctl, kmod, release)
# A driver that answers a sysctl may hang.
READ_LAST = ("sysctl",)

TYPE = "OS"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = tuple(module.SPEC for module in MODULES)
DEADLINE_S = 10.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return all subtypes, each read on its own."""
    for module in sorted(MODULES, key=lambda module: module.SPEC.name in READ_LAST):
        yield read_subtype(module.SPEC.name, partial(module.read, context.host))
