"""How the node runs containers (type Runtime): runtimes, kubelet, their files and packages.

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
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.clients.host.hostpath import HostPath
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
    SubtypeSpec(
        "kubelet",
        values=STRING,
        missing=UNSET,
        identity=(
            IgnoredKey("podCIDR", "of each node"),
            IgnoredKey("providerID", "of each machine"),
            IgnoredKey("flag.provider-id", "of each machine"),
            IgnoredKey("flag.hostname-override", "of each node"),
            IgnoredKey("flag.node-ip", "of each node"),
            IgnoredKey("flag.node-labels", "NodeTopology compares labels"),
        ),
        names_node=("address", "healthzBindAddress", "flag.*"),
    ),
    SubtypeSpec("packages", values=STRING, missing=UNSET, telling=(TellingKeys(VERSION, ("*",)),)),
)
DEADLINE_S = 10.0


# Where each is configured; without any of them its code is not imported.
PLACES = {
    "cri-o": ("/etc/crio",),
    "docker": ("/etc/docker",),
    "nvidia-toolkit": ("/etc/nvidia-container-runtime", "/usr/local/nvidia/toolkit"),
    "cdi": ("/etc/cdi", "/var/run/cdi"),
}


def collect(context: Context) -> Iterator[Subtype]:
    """Return the configuration of each container runtime, each read on its own."""
    from kubectl_snapshot.collectors.runtime import containerd, files

    host = context.host
    packages = read_subtype("packages", partial(files.read_packages, host))
    yield read_subtype("containerd", partial(containerd.read, host, packages.data))
    for name in PLACES:
        yield read_subtype(name, partial(_read, host, name))
    yield read_subtype("kubelet", partial(_read_kubelet, host))
    yield packages


def _read_kubelet(host: HostPath) -> Subtype:
    from kubectl_snapshot.collectors.runtime import kubelet

    return kubelet.read(host)


def _read(host: HostPath, name: str) -> Subtype:
    from kubectl_snapshot.collectors.runtime.files import find_files

    if not find_files(host, PLACES[name]):
        raise Absent(f"{PLACES[name][0]} not found on the node")
    if name == "cri-o":
        from kubectl_snapshot.collectors.runtime import crio

        return crio.read(host)
    if name == "docker":
        from kubectl_snapshot.collectors.runtime import docker

        return docker.read(host)
    from kubectl_snapshot.collectors.runtime import nvidia

    return nvidia.read_cdi(host) if name == "cdi" else nvidia.read_toolkit(host)
