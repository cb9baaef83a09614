"""How the node runs containers (type Runtime): docker.

Holds the declarations. The code that reads is imported when the collector runs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.document.registry import UNSET, SubtypeSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "Runtime"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = (SubtypeSpec("docker", missing=UNSET),)
DEADLINE_S = 10.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return the configuration of each container runtime, each read on its own."""
    from kubectl_snapshot.collectors.runtime import docker

    yield read_subtype("docker", partial(docker.read, context.host))
