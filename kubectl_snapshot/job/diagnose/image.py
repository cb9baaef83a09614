"""Why a node cannot pull an image, from the message of its runtime and the registry. Pure."""

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

# containerd and CRI-O pass on the registry's message (OCI distribution-spec, error codes; Docker
# Hub's `toomanyrequests`) and Go's network errors. The first match decides.
CAUSES: tuple[tuple[type[SnapshotError], str, tuple[str, ...], str], ...] = (
    (
        RateLimitExceeded,
        "the registry's rate limit for pulls of image {image} is exceeded",
        ("toomanyrequests", "too many requests"),
        "wait, log in with --image-pull-secret, or pass --image of a mirror",
    ),
    (
        InvalidRequest,
        "image {image} does not support the architecture of node {node}",
        ("no match for platform", "no matching manifest", "exec format error"),
        "pass --image with one that supports it",
    ),
    (
        Unauthorized,
        "node {node} is not authorized to pull image {image}",
        ("unauthorized", "forbidden", "access denied", "is denied", "authorization failed"),
        "check its name, and pass --image-pull-secret with one of the namespace's secrets",
    ),
    (
        NotFound,
        "image {image} not found",
        ("not found", "manifest unknown", "name unknown", "does not exist"),
        "pass --image with one that the node can pull",
    ),
    (
        ServiceUnavailable,
        "node {node} has no room for image {image}",
        ("no space left on device",),
        "free its disk (`kubectl describe node {node}`), or pass --node with another one",
    ),
    (
        ServiceUnavailable,
        "node {node} cannot reach the registry of image {image}",
        (
            *("dial tcp", "i/o timeout", "connection reset", "deadline exceeded", "x509:", "tls:"),
            *(": eof", "unexpected eof", "500 internal", "502 bad", "503 service", "504 gateway"),
        ),
        "pass --image with one that the node can reach",
    ),
)

# containerd's prefix before each cause; kept, it would push the cause over the length limit.
_WRAPPING = (
    r"rpc error: code = \w+ desc = |failed to (pull and unpack image|resolve reference|"
    r'pull image) "[^"]*": '
)


def diagnose_image(
    reason: str, message: str, image: str, node: str, secrets: tuple[str, ...] = ()
) -> SnapshotError:
    """Return why `node` cannot pull `image`; `message` is of the container's waiting state.

    `secrets` are the run's pull secrets: a kubelet only warns of one that does not exist.
    """
    message = re.sub(_WRAPPING, "", message)
    why = f"{reason}: {message}"
    if reason == "InvalidImageName":
        return InvalidRequest(
            f'invalid image reference "{image}"',
            why,
            "as in --image python:3.11-slim",
        )
    # The reference itself may contain any of these phrases.
    text = message.replace(image, "").lower()
    for kind, what, marks, hint in CAUSES:
        if any(mark in text for mark in marks):
            if secrets and kind is Unauthorized:
                hint = f"check with `kubectl get secrets {' '.join(secrets)}` that each exists, and"
                hint += " that it is for this registry"
            return kind(what.format(image=image, node=node), why, hint.format(node=node))
    return NotFound(
        f"node {node} cannot pull image {image}",
        why,
        "pass --image with one that the node can pull, or --image-pull-secret",
    )
