"""Why a node cannot pull an image, in the words of its runtime and of the registry. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import (
    InvalidRequest,
    NotFound,
    RateLimitExceeded,
    ServiceUnavailable,
    Unauthorized,
)

if TYPE_CHECKING:
    from kubectl_snapshot.errors import SnapshotError

# k8s.io/kubernetes pkg/kubelet/images/types.go.
IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")

# containerd and CRI-O pass on what the registry says (OCI distribution-spec, error codes), Docker
# Hub's `toomanyrequests`, and Go's own words for the network. The first that is found decides.
CAUSES: tuple[tuple[type[SnapshotError], str, tuple[str, ...], str], ...] = (
    (
        RateLimitExceeded,
        "the registry limits how often the image {image} is pulled",
        ("toomanyrequests", "too many requests"),
        "wait, log in with --image-pull-secret, or pass --image of a mirror",
    ),
    (
        InvalidRequest,
        "the image {image} is not made for the architecture of {node}",
        ("no match for platform", "no matching manifest", "exec format error"),
        "pass --image with one for this architecture",
    ),
    (
        Unauthorized,
        "the registry does not let {node} pull the image {image}",
        ("unauthorized", "forbidden", "access denied", "is denied", "authorization failed"),
        "check its name, and pass --image-pull-secret with one of the namespace's secrets",
    ),
    (
        NotFound,
        "the image {image} is not there",
        ("not found", "manifest unknown", "name unknown", "does not exist"),
        "pass --image with one that the node can pull",
    ),
    (
        ServiceUnavailable,
        "{node} cannot reach the registry of the image {image}",
        (
            *("dial tcp", "i/o timeout", "connection reset", "deadline exceeded", "x509:", "tls:"),
            *(": eof", "unexpected eof", "500 internal", "502 bad", "503 service", "504 gateway"),
        ),
        "pass --image with one that the node can reach",
    ),
)

# What containerd puts before each cause; with it the cause itself would be cut off.
WRAPPING = re.compile(
    r"rpc error: code = \w+ desc = |failed to (pull and unpack image|resolve reference|"
    r'pull image) "[^"]*": '
)


def diagnose_image(reason: str, words: str, image: str, node: str) -> SnapshotError:
    """Return why `image` is not on `node`; `words` are those of the container's waiting state."""
    words = WRAPPING.sub("", words)
    why = f"{reason}: {words}"
    if reason == "InvalidImageName":
        return InvalidRequest(
            f"{image!r} is no image reference",
            why,
            "as in --image python:3.11-slim",
        )
    # The reference itself may hold any of these words.
    told = words.replace(image, "").lower()
    for kind, what, marks, hint in CAUSES:
        if any(mark in told for mark in marks):
            return kind(what.format(image=image, node=node), why, hint)
    return NotFound(
        f"{node} cannot pull the image {image}",
        why,
        "pass --image with one that the node can pull, or --image-pull-secret",
    )
