"""What NVIDIA's device plugin is configured with on a node (subtype K8s.device-plugin)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from kubectl_snapshot.collectors.kubernetes.fields import map_at
from kubectl_snapshot.collectors.kubernetes.pods import pods_of
from kubectl_snapshot.collectors.run.context import Context, Right, explain, require_kube
from kubectl_snapshot.document.registry import STRING, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Unauthorized

if TYPE_CHECKING:
    from kubectl_snapshot.collectors.kubernetes.shared import Shared

# Labels of a node that choose between configurations, and what they give (documentation of
# NVIDIA's device plugin, MIG manager, GPU operator and GPU feature discovery).
LABELS = {
    f"nvidia.com/{name}": name
    for name in (
        *("device-plugin.config", "mig.config", "mig.config.state", "mig.strategy"),
        *("gpu.workload.config", "gpu.sharing-strategy", "gpu.replicas", "vgpu.present"),
    )
}
CONFIG = "device-plugin.config"
SPEC = SubtypeSpec(
    "device-plugin",
    "How NVIDIA's device plugin and MIG manager are configured to offer the node's GPUs. Without "
    "their labels and DaemonSet the status is `absent`.\n\n"
    "| key | value |\n|---|---|\n"
    f"| {', '.join(f'`{name}`' for name in LABELS.values())} | the node's labels `nvidia.com/…` |\n"
    "| `config-maps` | ConfigMaps that the DaemonSet of the device plugin mounts, as "
    "`<namespace>/<name>` |\n"
    "| `selected` | what the label `nvidia.com/device-plugin.config` selects of them, in full; it "
    "needs `get configmaps`, which no role of ours grants: without it `reason` says so |\n\n"
    "A fleet does not read it.",
    values=STRING,
    keys=(*LABELS.values(), "config-maps", "selected"),
    keys_are_names=False,
)
RIGHTS = (
    Right(
        "",
        "configmaps",
        ("get",),
        is_optional=True,
        is_granted=False,
        purpose="K8s.device-plugin: the configuration that a node's label selects.",
    ),
)


def read(context: Context, shared: Shared) -> Subtype:
    """Return labels, names of ConfigMaps, and the selected configuration."""
    labels = map_at(shared.read_node(), "metadata", "labels")
    data = {key: str(labels[label]) for label, key in LABELS.items() if label in labels}
    places = sorted(_list_config_maps(pods_of(context, shared).daemon_sets))
    if not data and not places:
        raise Absent("the node has no label of a device plugin, and the cluster no such DaemonSet")
    if places:
        data["config-maps"] = ",".join(places)
    if CONFIG not in data:
        return Subtype(SPEC.name, data)
    return _add_selected(context, data, places)


def _list_config_maps(daemon_sets: dict[str, set[str]]) -> set[str]:
    places: set[str] = set()
    for key, names in daemon_sets.items():
        owner, _, kind = key.rpartition(".")
        namespace, _, name = owner.partition("/")
        if kind == "config-maps" and "nvidia" in name and "device-plugin" in name:
            places.update(f"{namespace}/{found}" for found in names)
    return places


def _add_selected(context: Context, data: dict[str, str], places: list[str]) -> Subtype:
    """Return the subtype with the first ConfigMap's entry of the selected name."""
    for place in places:
        namespace, name = (quote(part, safe="") for part in place.split("/"))
        path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        doing = f"read ConfigMap {place}"
        try:
            answer = require_kube(context).request(
                "GET", path, doing=doing, deadline=context.deadline
            )
        except Unauthorized as error:
            return Subtype(SPEC.name, data, {"reason": explain(error)})
        text = map_at(answer.body, "data").get(data[CONFIG])
        if isinstance(text, str):
            return Subtype(SPEC.name, {**data, "selected": text})
    return Subtype(SPEC.name, data)
