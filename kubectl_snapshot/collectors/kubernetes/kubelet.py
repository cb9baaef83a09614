"""The kubelet's running configuration (subtype K8s.kubelet)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.flat_text import flatten
from kubectl_snapshot.collectors.kubernetes.fields import map_at
from kubectl_snapshot.collectors.kubernetes.node import build_path
from kubectl_snapshot.collectors.run.context import Context, Right, explain, require_kube
from kubectl_snapshot.document.registry import EVERY_KEY, STRING, IgnoredKey, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared

SPEC = SubtypeSpec(
    "kubelet",
    values=STRING,
    keys=EVERY_KEY,
    identity=(
        IgnoredKey("podCIDR", "of each node"),
        IgnoredKey("providerID", "of each machine"),
    ),
    names_node=("address", "healthzBindAddress"),
)
# Our roles do not grant it: with `get nodes/proxy` a user can also run commands in all pods of
# a node (docs/adr/0067).
RIGHTS = (
    Right(
        "",
        "nodes/proxy",
        ("get",),
        is_optional=True,
        is_granted=False,
        purpose="K8s.kubelet: the kubelet's configuration.",
    ),
)
# A kubelet that does not answer must not delay what others have answered.
MAX_WAIT_S = 3.0
# A header of static pods' URL may hold a credential; `kind` and `apiVersion` are constants.
LEFT_OUT = ("staticPodURLHeader", "kind", "apiVersion")


def read(context: Context, _: Shared) -> Subtype:
    """Return the configuration that the kubelet serves at /configz.

    Without that right there is a reason but no gap: only administrators should have it.
    """
    kube, path = require_kube(context), f"{build_path(context.node_name)}/proxy/configz"
    deadline = min(context.deadline, time.monotonic() + MAX_WAIT_S)
    doing = f"read the kubelet's configuration of node {context.node_name}"
    try:
        return build_kubelet(kube.request("GET", path, doing=doing, deadline=deadline).body)
    except Unauthorized as error:
        return Subtype(SPEC.name, {}, {"reason": explain(error)})


def build_kubelet(answer: Mapping[str, Any]) -> Subtype:
    """Return the fields of a KubeletConfiguration (kubelet.config.k8s.io/v1beta1) as flat text."""
    config = map_at(answer, "kubeletconfig")
    found = {key: value for key, value in config.items() if key not in LEFT_OUT}
    return Subtype(SPEC.name, flatten(found))
