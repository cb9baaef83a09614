"""Servers for the lab's cluster: admission webhooks and an image registry.

They listen on the machine's address in the cluster's network.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.faults.edits import EDITS
from tests.cluster.faults.injections import INJECTIONS
from tests.cluster.support import Cluster
from tests.servers.certificates import Certificate, make_authority, sign
from tests.servers.http_server import Exchange, serve

REGISTRY, CLOSED_REGISTRY = "registry.test", "closed.test"
UNTRUSTED_REGISTRY = "untrusted.test"
INDEX = "application/vnd.oci.image.index.v1+json"
# Docker Registry HTTP API V2, error codes; the last is Docker Hub's.
REFUSALS = {
    "missing": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "private": (401, "UNAUTHORIZED", "authentication required"),
    "denied": (403, "DENIED", "requested access to the resource is denied"),
    "broken": (503, "UNAVAILABLE", "the registry is being repaired"),
    "limited": (429, "TOOMANYREQUESTS", "You have reached your pull rate limit"),
}
SIDECAR = {
    "name": "a-sidecar",
    "image": "docker.io/library/python:3.11-slim",
    "command": ["sh", "-c", "while true; do echo sidecar at work; sleep 1; done"],
}
VOLUME = {"name": "added", "persistentVolumeClaim": {"claimName": "nobody-made-it"}}
CONTAINER = "/spec/containers/0"
# The JSON patch (RFC 6902) of each webhook.
PATCHES: dict[str, list[dict[str, Any]]] = {
    "sidecar": [{"op": "add", "path": "/spec/containers/0", "value": SIDECAR}],
    "volume": [{"op": "add", "path": "/spec/volumes/-", "value": VOLUME}],
    "hunger": [
        {"op": "replace", "path": f"{CONTAINER}/resources/limits/cpu", "value": "500"},
        {"op": "replace", "path": f"{CONTAINER}/resources/requests/cpu", "value": "500"},
    ],
}
REFUSE = "refuse"
REFUSAL = "pods of strangers are not welcome here"
# Denials of policy engines may hold the words of the API server's own.
DENIALS = {
    REFUSE: REFUSAL,
    "deny-words": "serviceaccount not found; exceeded quota: of trust; violates PodSecurity",
    "deny-update": REFUSAL,
}
HANG = "hang"
# The name of the object with which tests look whether a webhook is known.
PROBE = "dry-run"


@dataclass(frozen=True)
class Servers:
    """`webhooks` is the URL before a webhook's name; `authority` signed every server here."""

    webhooks: str
    authority: Path
    proxy_certificate: Certificate


@contextlib.contextmanager
def serve_faults(cluster: Cluster, directory: Path) -> Iterator[Servers]:
    lab = cluster.require_lab()
    address = lab.ip(254)
    authority = make_authority(directory)
    server = sign(authority, directory, "webhook", "/CN=webhook", f"subjectAltName=IP:{address}")
    proxy = sign(authority, directory, "proxy", "/CN=proxy")
    with (
        serve(answer_review, server, host=address) as webhooks,
        serve(answer_pull, host=address) as registry,
    ):
        for node in cluster.nodes:
            use_registry(cluster, node, REGISTRY, registry.url)
            use_registry(cluster, node, CLOSED_REGISTRY, f"http://{address}:1")
            use_registry(cluster, node, UNTRUSTED_REGISTRY, webhooks.url)
        yield Servers(webhooks.url, authority.certificate, proxy)


def use_registry(cluster: Cluster, node: str, registry: str, url: str) -> None:
    """Make a node's containerd ask `url` for a registry's images (containerd, docs/hosts.md)."""
    hosts = f'server = "{url}"\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n'
    place = f"/etc/containerd/certs.d/{registry}"
    script = f"mkdir -p {place} && printf '%s' '{hosts}' > {place}/hosts.toml"
    cluster.node_exec(node, "sh", "-c", script)


def answer_pull(exchange: Exchange) -> None:
    repository = exchange.path.split("/")[2] if exchange.path.count("/") > 2 else ""
    if repository == HANG:
        exchange.stopped.wait(120)
        return
    if repository in REFUSALS:
        status, code, message = REFUSALS[repository]
        exchange.send(status, {"errors": [{"code": code, "message": message}]})
        return
    digest = "sha256:" + "0" * 64
    platform = {"architecture": "s390x", "os": "linux"}
    entry = {"mediaType": INDEX, "digest": digest, "size": 1, "platform": platform}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    exchange.send(200, index, {"Content-Type": INDEX})


def answer_review(exchange: Exchange) -> None:
    """Answer an AdmissionReview as the last part of the path says (admission.k8s.io/v1)."""
    review = json.loads(exchange.body)
    response: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": True}
    name = exchange.path.partition("?")[0].rpartition("/")[2]
    if name == HANG:
        exchange.stopped.wait(10)
        return
    is_probe = review["request"].get("name") == PROBE
    if name in DENIALS and (name != "deny-update" or is_update(review) or is_probe):
        response.update(allowed=False, status={"code": 403, "message": DENIALS[name]})
    elif name not in DENIALS:
        steps = PATCHES[name] if name in PATCHES else edit(name, review["request"]["object"])
        patch = base64.b64encode(json.dumps(steps).encode()).decode()
        response.update(patchType="JSONPatch", patch=patch)
    exchange.send(200, {**review, "request": None, "response": response})


def is_update(review: dict[str, Any]) -> bool:
    return bool(review["request"]["operation"] == "UPDATE")


def edit(name: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the patch of an edit, which leaves an annotation."""
    before = copy.deepcopy(body)
    {**EDITS, **INJECTIONS}[name](body)
    body["metadata"].setdefault("annotations", {})["faults.test/webhook"] = name
    changed = [key for key in body if body[key] != before.get(key)]
    return [{"op": "replace", "path": f"/{key}", "value": body[key]} for key in changed]


@contextlib.contextmanager
def webhook(
    cluster: Cluster, namespace: str, name: str, config: dict[str, Any], resource: str = "pods"
) -> Iterator[None]:
    """A webhook for the objects of one resource in one namespace."""
    kind = "validating" if name in DENIALS else "mutating"
    path = f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"
    rule = {
        "apiGroups": ["batch" if resource == "jobs" else ""],
        "apiVersions": ["v1"],
        "resources": [resource],
        "operations": ["CREATE", "UPDATE"] if name == "deny-update" else ["CREATE"],
    }
    hook = {
        "name": f"{name}.faults.test",
        "clientConfig": config,
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        # The server is slow where the machine is busy.
        "timeoutSeconds": 2 if name == HANG else 20,
    }
    own = f"{namespace}-{name}"
    cluster.client.call("POST", path, {"metadata": {"name": own}, "webhooks": [hook]})
    try:
        # The API server learns of new configurations through a watch.
        yield
    finally:
        cluster.client.call("DELETE", f"{path}/{own}")
