"""ConfigMaps that the user names: read, and written by server-side apply.

What is in them is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.kube.client import Kube

APPLY = "application/apply-patch+yaml"


def read_configmap(kube: Kube, namespace: str, name: str) -> dict[str, Any]:
    """Return a ConfigMap; NotFound if there is none."""
    path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
    body = kube.request("GET", path, doing=f"read ConfigMap {namespace}/{name}").body
    return dict(body)


def apply_configmap(
    kube: Kube, body: Mapping[str, Any], is_dry_run: bool = False
) -> dict[str, Any]:
    """Create or update a ConfigMap, and return it as it then is.

    Keys that others have put into it stay. A dry run is checked by the server and stores nothing.
    """
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    # Forced: what another program has written under a key of ours is what is asked to be replaced.
    query = {"fieldManager": NAME, "force": "true"}
    if is_dry_run:
        query["dryRun"] = "All"
    answer = kube.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}/configmaps/{name}",
        doing=f"write ConfigMap {namespace}/{name}",
        query=query,
        body=body,
        content_type=APPLY,
    )
    return dict(answer.body)
