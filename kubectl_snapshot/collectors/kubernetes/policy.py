"""The GPU operator's policies (subtype K8s.policy; contract section 2.1).

ClusterPolicies have the keys of the contract. Beside them, or in their place, operators since 26.x
have NVIDIADrivers and a GPUCluster (nvidia.com/v1alpha1), with keys `<kind>/<name>/<key>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.flat_text import add_entry, flatten
from kubectl_snapshot.collectors.run.context import (
    Context,
    Right,
    build_partial_subtype,
    require_kube,
)
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.registry import STRING, SubtypeSpec
from kubectl_snapshot.errors import Absent, Internal, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared
    from kubectl_snapshot.document.snapshot import Subtype

GROUP, KIND = "nvidia.com", "ClusterPolicy"
RESOURCES = {KIND: "clusterpolicies", "NVIDIADriver": "nvidiadrivers", "GPUCluster": "gpuclusters"}
SPEC = SubtypeSpec("policy", values=STRING, profile=REFERENCE)
RIGHTS = tuple(
    Right(
        GROUP,
        resource,
        ("list",),
        is_optional=True,
        purpose="K8s.policy: the settings of the NVIDIA GPU operator.",
    )
    for resource in RESOURCES.values()
)


def read(context: Context, shared: Shared) -> Subtype:
    """Return the specs of all policies, in the version that the server prefers."""
    from kubectl_snapshot.clients.kube.discovery import find_resources  # late: as in collector.py

    kube, groups, deadline = require_kube(context), shared.read_groups(), context.deadline
    policies: dict[str, list[Mapping[str, Any]]] = {}
    errors: list[SnapshotError] = []
    for found in find_resources(kube, groups, GROUP.__eq__, tuple(RESOURCES), deadline):
        try:
            listed = kube.list_items(found.path, doing=f"list {found.title}", deadline=deadline)
            policies[found.kind] = list(listed)
        except SnapshotError as error:
            errors.append(error)
    if not policies and not errors:
        raise Absent(f"the API server does not serve {KIND} of {GROUP}")
    return build_policies(policies, errors)


def build_policies(
    policies: Mapping[str, Iterable[Mapping[str, Any]]], errors: Sequence[SnapshotError] = ()
) -> Subtype:
    """Return the flattened specs of each kind; `context` names the objects, in their order.

    The first ClusterPolicy by name has plain keys, others `<name>/` before them. `errors` are those
    of the kinds that could not be listed.
    """
    by_name = {
        (rank, found["metadata"]["name"]): (kind, found.get("spec"))
        for rank, kind in enumerate(RESOURCES)
        for found in policies.get(kind, ())
    }
    specs = [(by_name[key][0], key[1], by_name[key][1]) for key in sorted(by_name)]
    if not specs and not errors:
        raise Absent(f"the cluster has no {KIND}")
    data: dict[str, str] = {}
    failed = list(errors)
    for index, (kind, name, spec) in enumerate(specs):
        if not isinstance(spec, dict):
            failed.append(Internal(f"{kind} {name} has no spec"))
            continue
        prefix = "" if kind == KIND and not index else f"{_name(kind, name)}/"
        for key, value in flatten(spec).items():
            add_entry(data, prefix + key, value)
    names = ",".join(_name(kind, name) for kind, name, _ in specs)
    context = {"objects": names} if names else {}
    return build_partial_subtype("policy", data, failed, context, not policies)


def _name(kind: str, name: str) -> str:
    return name if kind == KIND else f"{kind}/{name}"
