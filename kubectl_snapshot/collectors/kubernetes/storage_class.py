"""The cluster's default StorageClasses (subtype K8s.default-storage-class, as AICR writes it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.kubernetes.fields import map_at, text_at
from kubectl_snapshot.collectors.run.context import Context, Right, require_kube
from kubectl_snapshot.document.registry import INTEGER, STRING, SubtypeSpec
from kubectl_snapshot.document.snapshot import ABSENT, Subtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared
    from kubectl_snapshot.document.snapshot import Scalar

SPEC = SubtypeSpec(
    "default-storage-class",
    values=STRING,
    key_types={"default-count": INTEGER},
    keys=("collection-state", "default-classes", "default-count"),
    keys_are_names=False,
)
RIGHTS = (
    Right(
        "storage.k8s.io",
        "storageclasses",
        ("list",),
        is_optional=True,
        purpose="K8s.default-storage-class: where volumes come from by default.",
    ),
)
# The admission plugin DefaultStorageClass reads both (k8s.io/component-helpers/storage).
ANNOTATIONS = tuple(f"storageclass.{g}kubernetes.io/is-default-class" for g in ("", "beta."))
STATES = (ABSENT, "present", "multiple")


def read(context: Context, _: Shared) -> Subtype:
    """Return the StorageClasses that the cluster has marked as default."""
    return build_defaults(
        require_kube(context).list_items(
            "/apis/storage.k8s.io/v1/storageclasses",
            doing="list storageclasses.storage.k8s.io",
            deadline=context.deadline,
        )
    )


def build_defaults(classes: Iterable[Mapping[str, Any]]) -> Subtype:
    """Return the subtype of storage.k8s.io/v1 StorageClasses; several may be default."""
    names = sorted(text_at(found, "metadata", "name") for found in classes if _is_default(found))
    count = len(names)
    data: dict[str, Scalar] = {"collection-state": STATES[min(count, 2)], "default-count": count}
    if names:
        return Subtype(SPEC.name, {**data, "default-classes": ",".join(names)})
    return Subtype(SPEC.name, data, {"status": ABSENT, "reason": "no StorageClass is the default"})


def _is_default(found: Mapping[str, Any]) -> bool:
    annotations = map_at(found, "metadata", "annotations")
    return any(annotations.get(name) == "true" for name in ANNOTATIONS)
