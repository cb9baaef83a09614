"""Subtypes of one list each: API groups, classes of DRA and runtimes, CSI, webhooks, CRDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

from kubectl_snapshot.clients.kube.calls import JSON, METADATA_LIST
from kubectl_snapshot.collectors.flat_text import flatten
from kubectl_snapshot.collectors.kubernetes.fields import list_at, map_at, text_at
from kubectl_snapshot.collectors.run.context import Context, Right, require_kube
from kubectl_snapshot.constants import FULL, STANDARD
from kubectl_snapshot.document.registry import (
    STRING,
    UNSET,
    VERSION,
    IgnoredKey,
    SubtypeSpec,
    TellingKeys,
)
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Internal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared

    Objects = Iterable[Mapping[str, Any]]

# Attributes of a DRA device that name the single device.
OF_ONE_DEVICE = ("uuid", "serial", "index", "minor", "pci", "bus", "parent", "id")
# A set of devices with more values of an attribute has their number.
MOST_VALUES = 4


class ObjectList(NamedTuple):
    """A subtype, with the interface of a module, of the objects of one API resource.

    `build` returns their data. `node_field` selects the objects of the node, if they are the
    node's; `accept` is the form that is asked for.
    """

    SPEC: SubtypeSpec
    RIGHTS: tuple[Right, ...]
    build: Callable[[Objects], dict[str, str]]
    node_field: str = ""
    accept: str = JSON

    def read(self, context: Context, shared: Shared) -> Subtype:
        """Return the objects in the version that the server prefers; Absent if it serves none."""
        right = self.RIGHTS[0]
        title, query = f"{right.resource}.{right.group}", {}
        if self.node_field and not context.node_name:
            raise Internal(f"cannot list {title}", why="the node's name is unknown")
        if self.node_field:
            query["fieldSelector"] = f"{self.node_field}={context.node_name}"
        version = _find_version(shared, right.group)
        items = require_kube(context).list_items(
            f"/apis/{right.group}/{version}/{right.resource}",
            doing=f"list {title}",
            query=query,
            deadline=context.deadline,
            accept=self.accept,
        )
        data = self.build(items)
        if not data:
            where = f"node {context.node_name}" if self.node_field else "the cluster"
            raise Absent(f"{where} has no {title}")
        return Subtype(self.SPEC.name, data)


class ApiGroups(NamedTuple):
    """The subtype of the API groups that are served, with the interface of a module."""

    SPEC: SubtypeSpec = SubtypeSpec(
        "api-group",
        "The API groups that the server serves, each with its versions, the preferred one first: "
        "the operators that are installed, and what this Kubernetes has. Every user can read them.",
        values=STRING,
        missing=UNSET,
        telling=(TellingKeys(VERSION, ("*",)),),
    )
    RIGHTS: tuple[Right, ...] = ()

    def read(self, _: Context, shared: Shared) -> Subtype:
        """Return the versions of each group."""
        data = {}
        for group in shared.read_groups():
            served = [text_at(entry, "version") for entry in list_at(group, "versions")]
            preferred = text_at(group, "preferredVersion", "version")
            versions = dict.fromkeys((preferred, *served))
            data[text_at(group, "name")] = ",".join(filter(None, versions))
        return Subtype(self.SPEC.name, data)


def build_runtime_classes(items: Objects) -> dict[str, str]:
    """Return handler, overhead and node selector of node.k8s.io/v1 RuntimeClasses."""
    data = {}
    for name, item in _named(items):
        kept = ("handler", "overhead", "scheduling")
        data.update(_below(name, {key: item[key] for key in kept if key in item}))
    return data


def build_device_classes(items: Objects) -> dict[str, str]:
    """Return selectors and extended resource of resource.k8s.io DeviceClasses."""
    data = {}
    for name, item in _named(items):
        spec = map_at(item, "spec")
        selectors = [text_at(one, "cel", "expression") for one in list_at(spec, "selectors")]
        found = {
            "selectors": " && ".join(filter(None, selectors)),
            "extended-resource": text_at(spec, "extendedResourceName"),
        }
        data.update({f"{name}.{key}": text for key, text in found.items() if text} or {name: ""})
    return data


def build_resource_slices(items: Objects) -> dict[str, str]:
    """Return the devices of each driver of resource.k8s.io ResourceSlices, summed up."""
    counts: dict[str, list[int]] = {}
    values: dict[str, set[str]] = {}
    for item in items:
        spec = map_at(item, "spec")
        driver, devices = text_at(spec, "driver"), list_at(spec, "devices")
        count = counts.setdefault(driver, [0, 0])
        count[0] += 1
        count[1] += len(devices)
        for device in devices:
            for name, text in _attributes(device):
                values.setdefault(f"{driver}.attribute.{name}", set()).add(text)
    data = {key: _join(found) for key, found in values.items()}
    for driver, (slices, devices_count) in counts.items():
        data[f"{driver}.slices"] = str(slices)
        data[f"{driver}.devices"] = str(devices_count)
    return data


def build_csi_nodes(items: Objects) -> dict[str, str]:
    """Return the CSI drivers that are registered on a node (storage.k8s.io/v1 CSINode)."""
    data = {}
    for item in items:
        for driver in list_at(item, "spec", "drivers"):
            allocatable = map_at(driver, "allocatable").get("count")
            found = {
                "node-id": text_at(driver, "nodeID"),
                "topology-keys": ",".join(map(str, list_at(driver, "topologyKeys"))),
                "allocatable": "" if allocatable is None else text_of(allocatable),
            }
            name = text_at(driver, "name")
            data.update({f"{name}.{key}": text for key, text in found.items() if text})
    return data


def build_specs(items: Objects) -> dict[str, str]:
    """Return the spec of each object as flat text."""
    data = {}
    for name, item in _named(items):
        data.update(_below(name, map_at(item, "spec")) or {name: ""})
    return data


def build_webhooks(items: Objects) -> dict[str, str]:
    """Return the webhooks of admissionregistration.k8s.io/v1 that are called for pods."""
    data: dict[str, str] = {}
    for name, item in _named(items):
        for webhook in list_at(item, "webhooks"):
            if not any(_selects_pods(rule) for rule in list_at(webhook, "rules")):
                continue
            client = map_at(webhook, "clientConfig")
            service = map_at(client, "service")
            target = f"{text_at(service, 'namespace')}/{text_at(service, 'name')}"
            kept = ("failurePolicy", "timeoutSeconds", "reinvocationPolicy", "matchPolicy")
            values = {key: webhook[key] for key in kept if key in webhook}
            values["selects"] = {
                kind: webhook.get(f"{kind}Selector") or {} for kind in ("namespace", "object")
            }
            values["target"] = target if service else text_at(client, "url")
            data.update(_below(f"{name}/{text_at(webhook, 'name')}", values))
    return data


def build_custom_resources(items: Objects) -> dict[str, str]:
    """Return the release that each CustomResourceDefinition says it is of, empty for none."""
    return {name: _find_release(item) for name, item in _named(items)}


def _find_release(item: Mapping[str, Any]) -> str:
    labels = map_at(item, "metadata", "labels")
    annotations = map_at(item, "metadata", "annotations")
    for kind, key in (
        (labels, "app.kubernetes.io/version"),
        (labels, "helm.sh/chart"),
        (annotations, "controller-gen.kubebuilder.io/version"),
    ):
        if kind.get(key):
            is_generator = kind is annotations
            return f"controller-gen {kind[key]}" if is_generator else str(kind[key])
    return ""


def _selects_pods(rule: object) -> bool:
    groups = {"", "*"}.intersection(map(str, list_at(rule, "apiGroups")))
    resources = {"pods", "*", "*/*"}.intersection(map(str, list_at(rule, "resources")))
    return bool(groups and resources)


def _attributes(device: object) -> Iterator[tuple[str, str]]:
    """Yield the attributes of a device that others can have, too; in v1beta1 below `basic`."""
    base = map_at(device, "basic") or map_at(device)
    for name, value in map_at(base, "attributes").items():
        own = name.rpartition("/")[2].lower()
        if isinstance(value, dict) and not any(word in own for word in OF_ONE_DEVICE):
            yield name, ",".join(text_of(one) for one in value.values())


def _join(found: set[str]) -> str:
    return ",".join(sorted(found)) if len(found) <= MOST_VALUES else f"{len(found)} values"


def _find_version(shared: Shared, group: str) -> str:
    for found in shared.read_groups():
        if found.get("name") == group:
            return text_at(found, "preferredVersion", "version")
    raise Absent(f"the API server does not serve {group}")


def _named(items: Objects) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((text_at(item, "metadata", "name"), item) for item in items)


def _below(name: str, values: Mapping[str, object]) -> dict[str, str]:
    return {f"{name}.{key}": text for key, text in flatten(values).items()}


def _build_list(
    name: str,
    api: str,
    build: Callable[[Objects], dict[str, str]],
    description: str,
    profile: str = STANDARD,
    node_field: str = "",
    accept: str = JSON,
    identity: tuple[IgnoredKey, ...] = (),
) -> ObjectList:
    """Return the subtype of an API resource, as `runtimeclasses.node.k8s.io`."""
    resource, _, group = api.partition(".")
    spec = SubtypeSpec(
        name,
        description,
        values=STRING,
        keys_are_names=False,
        identity=identity,
        missing=UNSET,
        profile=profile,
    )
    title = description.partition(":")[0].partition(",")[0].replace("`", "")
    right = Right(group, resource, ("list",), is_optional=True, purpose=f"K8s.{name}: {title}.")
    return ObjectList(spec, (right,), build, node_field, accept)


WEBHOOKS = (
    "that are called for pods: `<configuration>/<webhook>.failurePolicy`, `.timeoutSeconds`, "
    "`.matchPolicy`, `.reinvocationPolicy`, `.selects.namespace…` and `.selects.object…` (the "
    "selectors as [flat text](#flat-text)), and `.target`, a service or URL. A webhook that fails "
    "keeps pods from being created."
)

OBJECT_LISTS = (
    _build_list(
        "runtime-class",
        "runtimeclasses.node.k8s.io",
        build_runtime_classes,
        "RuntimeClasses: `<name>.handler`, the handler that containerd or CRI-O must have, and "
        "`.overhead…`, `.scheduling…` as [flat text](#flat-text).",
    ),
    _build_list(
        "device-class",
        "deviceclasses.resource.k8s.io",
        build_device_classes,
        "Device classes of dynamic resource allocation: `<name>.selectors`, the CEL expressions, "
        "and `.extended-resource`, the resource name that pods may use instead.",
    ),
    _build_list(
        "resource-slice",
        "resourceslices.resource.k8s.io",
        build_resource_slices,
        "Devices that the node's drivers offer by dynamic resource allocation: "
        "`<driver>.slices` and `.devices` are their numbers, `.attribute.<name>` the values that "
        "the devices have, sorted and comma-separated, above four their number. Attributes that "
        "name one device, such as UUIDs, are omitted. A fleet does not read it.",
        node_field="spec.nodeName",
    ),
    _build_list(
        "csi-node",
        "csinodes.storage.k8s.io",
        build_csi_nodes,
        "CSI drivers that are registered on the node: `<driver>.node-id`, `.topology-keys`, and "
        "`.allocatable`, the number of volumes. A fleet does not read it.",
        FULL,
        node_field="metadata.name",
        identity=(IgnoredKey("*.node-id", "of each machine"),),
    ),
    _build_list(
        "csi-driver",
        "csidrivers.storage.k8s.io",
        build_specs,
        "CSI drivers of the cluster: the `spec` of each as [flat text](#flat-text).",
        FULL,
    ),
    _build_list(
        "mutating-webhook",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        build_webhooks,
        f"Mutating webhooks {WEBHOOKS}",
        FULL,
    ),
    _build_list(
        "validating-webhook",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        build_webhooks,
        f"Validating webhooks {WEBHOOKS}",
        FULL,
    ),
    _build_list(
        "custom-resource",
        "customresourcedefinitions.apiextensions.k8s.io",
        build_custom_resources,
        "CustomResourceDefinitions, by their metadata only: the value is the release that a label "
        "names (`app.kubernetes.io/version` or `helm.sh/chart`), else the version of "
        "`controller-gen`, else empty.",
        FULL,
        accept=METADATA_LIST,
    ),
)
