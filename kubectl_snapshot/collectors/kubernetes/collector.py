"""What the API server says of itself, of the node and of what runs in the cluster (type K8s).

Here are server and node, and the order of all; each other subtype has a module k8s_<subtype>. Keys
and rules are those of contract section 2.1.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube.discovery import read_groups
from kubectl_snapshot.collectors.kubernetes import argocd, helm, image, openshift, policy
from kubectl_snapshot.collectors.kubernetes.distribution import detect_distribution
from kubectl_snapshot.collectors.kubernetes.fields import text_at
from kubectl_snapshot.collectors.run.context import (
    CLUSTER,
    Context,
    Right,
    read_subtype,
    require_kube,
)
from kubectl_snapshot.constants import WHITE_SPACE
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Internal, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TYPE = "K8s"
SCOPE = CLUSTER
# GET /version and the discovery need none: everybody may, who is authenticated.
RIGHTS = (
    Right("", "nodes", ("get",), purpose="K8s.node: the node's versions and its provider."),
    *image.RIGHTS,
    *policy.RIGHTS,
    *helm.RIGHTS,
    *argocd.RIGHTS,
    *openshift.RIGHTS,
)
SUBTYPES = ("server", "image", "policy", "node", "helm", "argocd")
DEADLINE_S = 60.0

NODE_NAME_VARIABLES = ("NODE_NAME", "KUBERNETES_NODE_NAME", "HOSTNAME")

# Contract 2.1; every other scheme names itself.
PROVIDERS = {"aws": "eks", "gce": "gke", "azure": "aks", "oci": "oke"}
# An instance id of Oracle Cloud without a scheme, as its cloud provider writes it.
ORACLE_ID_PREFIX = "ocid1."

SERVER_FIELDS = {"version": "gitVersion", "platform": "platform", "goVersion": "goVersion"}
NODE_INFO_FIELDS = {
    "container-runtime-id": "containerRuntimeVersion",
    "kubelet-version": "kubeletVersion",
    "kernel-version": "kernelVersion",
    "operating-system": "operatingSystem",
    "os-image": "osImage",
}


def collect(context: Context) -> Iterator[Subtype]:
    """Return all subtypes, each read apart, what may take long last.

    The server's version tells more of the node; the API groups are read once for two.
    """
    server = read_subtype("server", partial(read_server, context))
    yield server
    yield read_subtype("node", partial(read_node, context, str(server.data.get("version", ""))))
    groups = cache(lambda: read_groups(require_kube(context), context.deadline))
    yield read_subtype("policy", partial(policy.read_policies, context, groups))
    yield read_subtype("argocd", partial(argocd.read_applications, context, groups))
    yield read_subtype("helm", partial(helm.read_releases, context))
    yield read_subtype("image", partial(image.read_images, context))


def read_server(context: Context) -> Subtype:
    """Return the API server's version (GET /version)."""
    kube = require_kube(context)
    doing = "read the API server's version"
    answer = kube.request("GET", "/version", doing=doing, deadline=context.deadline)
    return Subtype("server", parse_version(answer.body))


def read_node(context: Context, server_version: str = "") -> Subtype:
    """Return the node as the API server knows it; an empty `server_version` is an unknown one."""
    from urllib.parse import quote  # late: only a name from outside needs it

    kube = require_kube(context)
    node_name = _require_name(context.node_name)
    path = f"/api/v1/nodes/{quote(node_name, safe='')}"
    answer = kube.request("GET", path, doing=f"read node {node_name}", deadline=context.deadline)
    data = parse_node(answer.body, node_name)
    if data.get("provider-id", "").startswith(ORACLE_ID_PREFIX):
        data["provider"] = "oke"
    # The provider is the machine's; eks is what the contract calls every machine of AWS.
    is_self_managed = (
        data.get("provider") == "eks" and server_version and "-eks-" not in server_version
    )
    distribution = detect_distribution(answer.body)
    notes = {
        "distribution": distribution,
        "self-managed": "true" if is_self_managed else "",
        **(openshift.read_release(context) if distribution == "openshift" else {}),
    }
    return Subtype("node", data, {key: text for key, text in notes.items() if text})


def detect_node_name(env: Mapping[str, str]) -> str:
    """Return the name of the node this process runs on, the empty text where nothing tells it."""
    return next((env[name] for name in NODE_NAME_VARIABLES if env.get(name)), "")


def parse_version(answer: object) -> dict[str, str]:
    """Return version, platform and goVersion of a version.Info (apimachinery/pkg/version)."""
    data = {key: text_at(answer, field) for key, field in SERVER_FIELDS.items()}
    if not data["version"]:
        raise Internal("the API server's version has no gitVersion")
    return {key: value for key, value in data.items() if value}


def parse_node(node: object, node_name: str) -> dict[str, str]:
    """Return what a core/v1 Node says of the machine; a key whose source is empty is absent."""
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
    """Return who runs a machine by the scheme of spec.providerID; without one, the whole text."""
    scheme = provider_id.partition("://")[0].strip(WHITE_SPACE).lower()
    return PROVIDERS.get(scheme, scheme)


def _require_name(node_name: str) -> str:
    if not node_name:
        variables = ", ".join(NODE_NAME_VARIABLES)
        cause = InvalidRequest("the node's name is not known", why=f"none of {variables} is set")
        raise Internal("cannot read the node", why=cause.why) from cause
    return node_name
