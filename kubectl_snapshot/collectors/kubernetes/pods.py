"""One list of all pods: their images, and what daemon sets and the control plane run with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.collectors.kubernetes.fields import list_at, map_at, text_at
from kubectl_snapshot.collectors.kubernetes.shared import Pods, Shared
from kubectl_snapshot.collectors.run.context import require_kube
from kubectl_snapshot.constants import MANAGED_BY_LABEL, NAME
from kubectl_snapshot.document.registry import (
    INTEGER,
    STRING,
    UNSET,
    VERSION,
    SubtypeSpec,
    TellingKeys,
)
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from kubectl_snapshot.collectors.run.context import Context, Right

# Our own objects are not part of a snapshot.
NOT_OURS = {"labelSelector": f"{MANAGED_BY_LABEL}!={NAME}"}
# core/v1 PodSpec; all three are lists of objects with `image`.
CONTAINER_FIELDS = ("containers", "initContainers", "ephemeralContainers")
SYSTEM = "kube-system"


def pods_of(context: Context, shared: Shared) -> Pods:
    """Return the pods of all namespaces but our own, listed once for all subtypes."""
    return shared.read_pods() if shared.read_pods else read_pods(context)


def read_pods(context: Context) -> Pods:
    """List the pods; of each page, only what Pods has stays in memory."""
    return summarize(
        require_kube(context).list_items(
            "/api/v1/pods", doing="list the pods", query=NOT_OURS, deadline=context.deadline
        )
    )


def summarize(pods: Iterable[Mapping[str, Any]]) -> Pods:
    """Return what is kept of core/v1 Pods."""
    found = Pods({}, {}, {})
    for pod in pods:
        for reference in pod_images(pod):
            found.references.pop(reference, None)
            found.references[reference] = None
        owner = _find_daemon_set(pod)
        if owner:
            for key, value in _describe(pod):
                found.daemon_sets.setdefault(f"{owner}.{key}", set()).add(value)
        spec = map_at(pod, "spec")
        name, priority = text_at(spec, "priorityClassName"), spec.get("priority")
        is_system = owner or text_at(pod, "metadata", "namespace") == SYSTEM
        if name and is_system and isinstance(priority, int):
            found.priorities[name] = priority
    return found


def pod_images(pod: Mapping[str, Any]) -> Iterator[str]:
    """Yield the image references of a core/v1 Pod's spec, in the order of the contract."""
    spec = pod.get("spec") or {}
    for field in CONTAINER_FIELDS:
        for container in spec.get(field) or ():
            yield container.get("image") or ""


def _find_daemon_set(pod: Mapping[str, Any]) -> str:
    """Return the DaemonSet of a pod as `<namespace>/<name>`, empty if it has none."""
    for owner in list_at(pod, "metadata", "ownerReferences"):
        if text_at(owner, "kind") == "DaemonSet":
            return f"{text_at(pod, 'metadata', 'namespace')}/{text_at(owner, 'name')}"
    return ""


def _describe(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    spec = map_at(pod, "spec")
    values = [("images", reference) for reference in pod_images(pod)]
    values += [
        ("config-maps", text_at(volume, "configMap", "name")) for volume in list_at(spec, "volumes")
    ]
    values += [
        ("priority-class", text_at(spec, "priorityClassName")),
        ("runtime-class", text_at(spec, "runtimeClassName")),
    ]
    # Each pod has this one, of its namespace.
    return ((k, text) for k, text in values if text and text != "kube-root-ca.crt")


class DaemonSets(NamedTuple):
    """The subtype of what runs on every node, with the interface of a module."""

    SPEC: SubtypeSpec = SubtypeSpec(
        "daemon-set",
        "What runs on the nodes by DaemonSets: CNI and CSI plugins, device plugins, drivers, "
        "agents. It is read from their pods, which `K8s.image` lists: one without a pod is not "
        "seen. Several values are sorted and comma-separated: a rollout has two images.\n\n"
        "| key | value |\n|---|---|\n"
        "| `<namespace>/<name>.images` | references of all its containers |\n"
        "| `<namespace>/<name>.config-maps` | names of the ConfigMaps that it mounts as volumes |\n"
        "| `<namespace>/<name>.priority-class`, `.runtime-class` | names of these classes |",
        values=STRING,
        keys_are_names=False,
        missing=UNSET,
        telling=(TellingKeys(VERSION, ("*.images",)),),
    )
    # By `list pods`, which K8s.image declares.
    RIGHTS: tuple[Right, ...] = ()

    def read(self, context: Context, shared: Shared) -> Subtype:
        """Return the daemon sets by their pods."""
        found = pods_of(context, shared).daemon_sets
        if not found:
            raise Absent("no pod belongs to a DaemonSet")
        return Subtype(self.SPEC.name, {key: ",".join(sorted(v)) for key, v in found.items()})


class PriorityClasses(NamedTuple):
    """The subtype of the priorities of system pods, with the interface of a module."""

    SPEC: SubtypeSpec = SubtypeSpec(
        "priority-class",
        "The PriorityClasses of system pods, those of DaemonSets and of the namespace "
        f"`{SYSTEM}`: the key is the class, the value its priority. Read from the same pods.",
        values=INTEGER,
        missing=UNSET,
    )
    RIGHTS: tuple[Right, ...] = ()

    def read(self, context: Context, shared: Shared) -> Subtype:
        """Return the priorities of system pods."""
        found = pods_of(context, shared).priorities
        if not found:
            raise Absent("no system pod has a PriorityClass")
        return Subtype(self.SPEC.name, found)
