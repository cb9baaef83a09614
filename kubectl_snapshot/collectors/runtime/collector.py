"""How the node runs containers (type Runtime): their configuration files and packages.

Holds the declarations. The code that reads is imported when the collector runs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import NODE, Context, Right, read_subtype
from kubectl_snapshot.document.registry import (
    STRING,
    UNSET,
    VERSION,
    IgnoredKey,
    SubtypeSpec,
    TellingKeys,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.document.snapshot import Subtype

TYPE = "Runtime"
SCOPE = NODE
RIGHTS: tuple[Right, ...] = ()
SUBTYPES = (
    SubtypeSpec("containerd", missing=UNSET),
    SubtypeSpec("cri-o", missing=UNSET),
    SubtypeSpec("docker", missing=UNSET),
    SubtypeSpec(
        "nvidia-toolkit",
        missing=UNSET,
        telling=(TellingKeys(VERSION, ("operator.version",)),),
    ),
    SubtypeSpec(
        "cdi",
        missing=UNSET,
        identity=(IgnoredKey("*.uuids", "of each GPU"),),
        volatile=(IgnoredKey("claim-count", "a specification per resource claim"),),
    ),
    SubtypeSpec("packages", values=STRING, missing=UNSET, telling=(TellingKeys(VERSION, ("*",)),)),
)
DEADLINE_S = 10.0


def collect(context: Context) -> Iterator[Subtype]:
    """Return the configuration of each container runtime, each read on its own."""
    from kubectl_snapshot.collectors.runtime import containerd, crio, docker, files, nvidia

    host = context.host
    packages = read_subtype("packages", partial(files.read_packages, host))
    yield read_subtype("containerd", partial(containerd.read, host, packages.data))
    yield read_subtype("cri-o", partial(crio.read, host))
    yield read_subtype("docker", partial(docker.read, host))
    yield read_subtype("nvidia-toolkit", partial(nvidia.read_toolkit, host))
    yield read_subtype("cdi", partial(nvidia.read_cdi, host))
    yield packages
