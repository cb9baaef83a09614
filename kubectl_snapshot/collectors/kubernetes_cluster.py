"""What the API server says of itself and of the node (type K8s): server, node.

Keys and rules are those of contract section 2.1.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.context import CLUSTER, Context, Rule, explain, read_subtype
from kubectl_snapshot.collectors.textfile import WHITE_SPACE
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Internal, InvalidRequest, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_snapshot.clients.kube import Kube

TYPE = "K8s"
SCOPE = CLUSTER
# GET /version needs none: the role system:public-info-viewer allows it to everybody.
RULES = (Rule("", "nodes", ("get",)),)
SUBTYPES = ("server", "node")
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
    """Return server and node, each read apart; the server's version tells more of the node."""
    server = read_subtype("server", partial(read_server, context))
    yield server
    yield read_subtype("node", partial(read_node, context, str(server.data.get("version", ""))))


def read_server(context: Context) -> Subtype:
    """Return the API server's version (GET /version)."""
    kube = _require_kube(context)
    doing = "read the API server's version"
    answer = kube.request("GET", "/version", doing=doing, deadline=context.deadline)
    return Subtype("server", parse_version(answer.body))


def read_node(context: Context, server_version: str = "") -> Subtype:
    """Return the node as the API server knows it; an empty `server_version` is an unknown one."""
    from urllib.parse import quote  # late: only a name from outside needs it

    kube = _require_kube(context)
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
    return Subtype("node", data, {"self-managed": "true"} if is_self_managed else {})


def detect_node_name(env: Mapping[str, str]) -> str:
    """Return the name of the node this process runs on, the empty text where nothing tells it."""
    return next((env[name] for name in NODE_NAME_VARIABLES if env.get(name)), "")


def parse_version(answer: object) -> dict[str, str]:
    """Return version, platform and goVersion of a version.Info (apimachinery/pkg/version)."""
    data = {key: _text(answer, field) for key, field in SERVER_FIELDS.items()}
    if not data["version"]:
        raise Internal("the API server's version has no gitVersion")
    return {key: value for key, value in data.items() if value}


def parse_node(node: object, node_name: str) -> dict[str, str]:
    """Return what a core/v1 Node says of the machine; a key whose source is empty is absent."""
    provider_id = _text(node, "spec", "providerID")
    data = {
        "source-node": _require_name(node_name),
        "provider": parse_provider(provider_id),
        "provider-id": provider_id,
    }
    for key, field in NODE_INFO_FIELDS.items():
        data[key] = _text(node, "status", "nodeInfo", field)
    name, separator, version = data["container-runtime-id"].partition("://")
    if separator:
        data.update({"container-runtime-name": name, "container-runtime-version": version})
    return {key: value for key, value in data.items() if value}


def parse_provider(provider_id: str) -> str:
    """Return who runs a machine by the scheme of spec.providerID; without one, the whole text."""
    scheme = provider_id.partition("://")[0].strip(WHITE_SPACE).lower()
    return PROVIDERS.get(scheme, scheme)


def _require_kube(context: Context) -> Kube:
    if context.kube is None:
        cause = context.kube_error
        why = explain(cause) if cause else "no connection was asked for"
        raise Unavailable("the cluster cannot be asked", why=why) from cause
    return context.kube


def _require_name(node_name: str) -> str:
    if not node_name:
        variables = ", ".join(NODE_NAME_VARIABLES)
        cause = InvalidRequest("the node's name is not known", why=f"none of {variables} is set")
        raise Internal("cannot read the node", why=cause.why) from cause
    return node_name


def _text(value: object, *path: str) -> str:
    """Return the text at a path of a decoded JSON object, the empty text where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
