"""The node's drivers (type Driver): modules.

Holds the declarations. The code that reads is imported when the collector runs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.document.registry import (
    EVERY_KEY,
    STRING,
    UNSET,
    VERSION,
    SubtypeSpec,
    TellingKeys,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "Driver"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = (
    SubtypeSpec(
        "modules",
        values=STRING,
        public=EVERY_KEY,
        telling=(TellingKeys(VERSION, ("*.version", "*.srcversion")),),
        missing=UNSET,
    ),
)
DEADLINE_S = 10.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return what the node's files say of its drivers, each read on its own."""
    from kubectl_snapshot.collectors.driver import modules

    yield read_subtype("modules", partial(modules.read, context.host))
