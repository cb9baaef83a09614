"""Faults of registries and images beyond the usual ones."""

from __future__ import annotations

from functools import partial

from tests.cluster.faults import arrange
from tests.cluster.faults.fault import NODE2, Fault
from tests.cluster.faults.images import name_image
from tests.cluster.faults.servers import REGISTRY, UNTRUSTED_REGISTRY

IMAGE = "--image"
REGISTRIES = {
    "registry denies": Fault(
        (IMAGE, f"{REGISTRY}/denied:1"), 4, ("is not authorized to pull image", "denied")
    ),
    "registry is out of order": Fault(
        (IMAGE, f"{REGISTRY}/broken:1"), 6, ("cannot reach the registry", "503")
    ),
    "registry that the node does not trust": Fault(
        (IMAGE, f"{UNTRUSTED_REGISTRY}/some:1"), 6, ("cannot reach the registry", "x509")
    ),
    "registry that hangs": Fault(
        (IMAGE, f"{REGISTRY}/hang:1"),
        5,
        ("no result within TIMEOUT", f'Pulling image "{REGISTRY}/hang:1"'),
        timeout_s=10,
        tries=3,
        # A kubelet pulls one image after the other.
        lane=NODE2,
    ),
    "pull secret missing": Fault(
        (IMAGE, f"{REGISTRY}/private:1", "--image-pull-secret", "nobody-made-it"),
        4,
        ("is not authorized to pull image", "nobody-made-it"),
    ),
    "image absent, pull policy Never": Fault(
        (),
        3,
        ("cannot pull image", "ErrImageNeverPull"),
        partial(arrange.with_webhook, name="never-pull"),
    ),
    "pull policy Always without a network": Fault(
        (),
        6,
        ("cannot reach the registry",),
        partial(arrange.with_webhook, name="always-pull"),
        within_s=30,
    ),
    "Python without zlib": Fault(
        (IMAGE, name_image("no-zlib")), 2, ("lacks", "zlib", "python:3.11-slim")
    ),
    "agent killed by a signal": Fault(
        ("--agent", "image", IMAGE, name_image("segfault")),
        8,
        ("exited without a result", "SIGSEGV"),
    ),
}
