"""The GPU operator's ClusterPolicies (subtype K8s.policy; contract section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.kubernetes.flatten import add_entry, flatten
from kubectl_snapshot.collectors.run.context import (
    Context,
    Right,
    build_partial_subtype,
    require_kube,
)
from kubectl_snapshot.document.registry import STRING, SubtypeSpec
from kubectl_snapshot.errors import Absent, Internal, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared
    from kubectl_snapshot.document.snapshot import Subtype

GROUP, KIND = "nvidia.com", "ClusterPolicy"
SPEC = SubtypeSpec("policy", values=STRING)
RIGHTS = (
    Right(
        GROUP,
        "clusterpolicies",
        ("list",),
        is_optional=True,
        purpose="K8s.policy: the settings of the NVIDIA GPU operator.",
    ),
)


def read(context: Context, shared: Shared) -> Subtype:
    """Return the specs of all policies, in the version that the server prefers."""
    from kubectl_snapshot.clients.kube.discovery import find_resources  # late: as in collector.py

    kube = require_kube(context)
    resources = find_resources(kube, shared.read_groups(), GROUP.__eq__, KIND, context.deadline)
    if not resources:
        raise Absent(f"the API server does not serve {KIND} of {GROUP}")
    doing = f"list {resources[0].title}"
    return build_policies(
        kube.list_items(resources[0].path, doing=doing, deadline=context.deadline)
    )


def build_policies(policies: Iterable[Mapping[str, Any]]) -> Subtype:
    """Return the flattened specs; the first by name has plain keys, others `<name>/` before them.

    `context` names the objects, in that order.
    """
    specs = {policy["metadata"]["name"]: policy.get("spec") for policy in policies}
    if not specs:
        raise Absent(f"the cluster has no {KIND}")
    data: dict[str, str] = {}
    errors: list[SnapshotError] = []
    for index, name in enumerate(sorted(specs)):
        spec = specs[name]
        if not isinstance(spec, dict):
            errors.append(Internal(f"{KIND} {name} has no spec"))
            continue
        prefix = f"{name}/" if index else ""
        for key, value in flatten(spec).items():
            add_entry(data, prefix + key, value)
    return build_partial_subtype("policy", data, errors, {"objects": ",".join(sorted(specs))})
