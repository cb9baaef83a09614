"""The node object: versions and cloud provider (subtype K8s.node; contract section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.forms import form_of_provider_id
from kubectl_snapshot.collectors.kubernetes import openshift
from kubectl_snapshot.collectors.kubernetes.fields import map_at, text_at
from kubectl_snapshot.collectors.run.context import (
    EXTENSION,
    NODE_NAME_VARIABLES,
    Context,
    Right,
    require_kube,
)
from kubectl_snapshot.constants import REFERENCE, WHITE_SPACE
from kubectl_snapshot.document.registry import STRING, VERSION, IgnoredKey, SubtypeSpec, TellingKeys
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Internal, InvalidRequest
from kubectl_snapshot.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared

NODE_INFO_FIELDS = {
    "container-runtime-id": "containerRuntimeVersion",
    "kubelet-version": "kubeletVersion",
    "kernel-version": "kernelVersion",
    "operating-system": "operatingSystem",
    "os-image": "osImage",
}
COMPOSED_FIELDS = (
    *("source-node", "provider", "provider-id", "container-runtime-name"),
    "container-runtime-version",
)

SPEC = SubtypeSpec(
    "node",
    values=STRING,
    profile=REFERENCE,
    keys=(*NODE_INFO_FIELDS, *COMPOSED_FIELDS),
    sources={key: f"`status.nodeInfo.{field}`" for key, field in NODE_INFO_FIELDS.items()},
    repeats={"container-runtime-id": "K8s.node.container-runtime-version"},
    telling=(TellingKeys(VERSION, ("container-runtime-version", "k*-version")),),
    identity=(
        IgnoredKey("provider-id", "of each machine; two providers differ", form_of_provider_id),
        IgnoredKey("source-node", "of each node"),
    ),
)
RIGHTS = (
    Right("", "nodes", ("get",), purpose="K8s.node: the node's versions and its provider."),
    *openshift.RIGHTS,
)

# Contract 2.1; every other scheme is the provider's name.
PROVIDERS = {"aws": "eks", "gce": "gke", "azure": "aks", "oci": "oke"}
# An instance id of Oracle Cloud without a scheme, as its cloud provider writes it.
ORACLE_ID_PREFIX = "ocid1."


def read(context: Context, shared: Shared) -> Subtype:
    """Return the node as the API server knows it."""
    node = shared.read_node()
    server = shared.finished.get("server")
    server_version = str(server.data.get("version", "")) if server else ""
    subtype = build_subtype(node, context.node_name, server_version)
    if subtype.context.get("distribution") != "openshift":
        return subtype
    release = {key: text for key, text in openshift.read_release(context).items() if text}
    return replace(subtype, context={**subtype.context, **release})


def read_object(context: Context) -> Mapping[str, Any]:
    """Return the core/v1 Node of the context, read unless it has just been."""
    if context.node is not None:
        return context.node
    kube, path = require_kube(context), build_path(context.node_name)
    doing = f"read node {context.node_name}"
    return map_at(kube.request("GET", path, doing=doing, deadline=context.deadline).body)


def build_path(node_name: str) -> str:
    """Return the API path of a node; raise Internal if the name is unknown."""
    # Late: diff and schema only need what this module declares.
    from urllib.parse import quote

    return f"/api/v1/nodes/{quote(_require_name(node_name), safe='')}"


def build_subtype(node: Mapping[str, Any], node_name: str, server_version: str) -> Subtype:
    """Return the subtype of a core/v1 Node, as a GET or a list returns it."""
    from kubectl_snapshot.collectors.kubernetes.distribution import detect_distribution

    data = parse_node(node, node_name)
    if data.get("provider-id", "").startswith(ORACLE_ID_PREFIX):
        data["provider"] = "oke"
    # The provider is the machine's; eks is what the contract calls every machine of AWS.
    is_self_managed = (
        data.get("provider") == "eks" and server_version and "-eks-" not in server_version
    )
    notes = {
        "distribution": detect_distribution(node),
        "self-managed": "true" if is_self_managed else "",
    }
    labels = map_at(node, "metadata", "labels")
    extensions = {
        k: str(v) for k, v in labels.items() if k.startswith(EXTENSION) and k != EXTENSION
    }
    context = {key: text for key, text in notes.items() if text}
    return Subtype("node", data, {**context, **extensions})


def parse_node(node: object, node_name: str) -> dict[str, str]:
    """Return the fields of a core/v1 Node that are not empty."""
    provider_id = text_at(node, "spec", "providerID")
    data = {
        "source-node": _require_name(node_name),
        "provider": parse_provider(provider_id),
        "provider-id": provider_id,
    }
    for key, field in NODE_INFO_FIELDS.items():
        data[key] = text_at(node, "status", "nodeInfo", field)
    name, separator, version = data["container-runtime-id"].partition("://")
    if separator:
        data.update({"container-runtime-name": name, "container-runtime-version": version})
    return {key: value for key, value in data.items() if value}


def parse_provider(provider_id: str) -> str:
    """Return the cloud provider by the scheme of spec.providerID; without one, the whole text."""
    scheme = provider_id.partition("://")[0].strip(WHITE_SPACE).lower()
    return PROVIDERS.get(scheme, scheme)


def _require_name(node_name: str) -> str:
    if not node_name:
        variables = ", ".join(NODE_NAME_VARIABLES)
        cause = InvalidRequest("the node's name is unknown", why=f"none of {variables} is set")
        raise Internal("cannot read the node", why=cause.why) from cause
    return node_name
