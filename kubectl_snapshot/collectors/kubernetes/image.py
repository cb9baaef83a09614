"""Container images of all pods but our own (subtype K8s.image; contract section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.kubernetes.pods import pods_of
from kubectl_snapshot.collectors.run.context import Context, Right
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.registry import STRING, UNSET, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.collectors.kubernetes.shared import Shared

# An image may be called `token`.
SPEC = SubtypeSpec(
    "image",
    values=STRING,
    full_values="image.",
    keys_are_names=False,
    missing=UNSET,
    profile=REFERENCE,
)
RIGHTS = (Right("", "pods", ("list",), purpose="K8s.image: the images of all pods."),)


def read(context: Context, shared: Shared) -> Subtype:
    """Return the images of every namespace."""
    data, all_references = parse_images(pods_of(context, shared).references)
    if not data:
        raise Absent("the cluster has no pods except our own")
    return Subtype("image", data, all_references)


def parse_images(references: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return tags by base name, the last one of equal names; and `image.<name>` for the context.

    It has all full references of a name if they differ, or if one has a digest.
    """
    tags: dict[str, str] = {}
    seen: dict[str, set[str]] = {}
    for reference in references:
        name, tag = split_image(reference)
        if name:
            tags[name] = tag
            seen.setdefault(name, set()).add(reference)
    lost = {
        f"image.{name}": ",".join(sorted(full))
        for name, full in seen.items()
        if len(full) > 1 or any("@" in reference for reference in full)
    }
    return tags, lost


def split_image(reference: str) -> tuple[str, str]:
    """Return base name and tag; a digest is ignored, a missing tag is `latest`."""
    base = reference.rpartition("/")[2].partition("@")[0]
    name, colon, tag = base.rpartition(":")
    return (name, tag) if colon else (base, "latest")
