"""What a run made, out of the cluster again: only what carries its run id, each by its UID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube import Call, Response
from kubectl_snapshot.constants import EXPIRES_ANNOTATION, MANAGED_BY_LABEL, NAME
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job.deploy import Created, find_uid
from kubectl_snapshot.job.rbac import GROUP_PATH, namespaced_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.clients.kube import Kube

EXPIRING_RESOURCES = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")


def delete_objects(
    kube: Kube, made: Sequence[Created], deadline: float
) -> list[tuple[Created, SnapshotError]]:
    """Delete them all at once and return those that are left, each with the reason.

    Absent is success. `propagationPolicy: Background` goes with every delete: a Job deleted without
    it orphans its pod for ever.
    """
    left: list[tuple[Created, SnapshotError]] = []
    doomed: list[tuple[Created, str]] = []
    for created in made:
        try:
            uid = created.uid or find_uid(kube, created, deadline)
        except SnapshotError as error:
            left.append((created, error))
            continue
        if uid:
            doomed.append((created, uid))
    answers = kube.request_all(
        [_delete_call(f"{created.path}/{created.name}", uid, deadline) for created, uid in doomed]
    )
    for (created, _), answer in zip(doomed, answers):
        if isinstance(answer, SnapshotError) and answer.status not in (404, 409):
            left.append((created, answer))
    return left


def delete_expired_roles(kube: Kube, now: str, deadline: float) -> None:
    """Remove what no Job could own, of runs that died and whose time is over.

    `now` is RFC 3339 in UTC, as the expiry is: such texts compare as their times do. Who may not
    list roles leaves them to the next one who may.
    """
    selector = {"labelSelector": f"{MANAGED_BY_LABEL}={NAME}"}
    lists = [
        Call("GET", f"{GROUP_PATH}/{resource}", "list what expired", selector, deadline=deadline)
        for resource in EXPIRING_RESOURCES
    ]
    expired = [
        (_object_path(resource, item["metadata"]), item["metadata"]["uid"])
        for resource, answer in zip(EXPIRING_RESOURCES, kube.request_all(lists))
        if isinstance(answer, Response)
        for item in answer.body.get("items") or ()
        if item["metadata"].get("annotations", {}).get(EXPIRES_ANNOTATION, now) < now
    ]
    kube.request_all([_delete_call(path, uid, deadline) for path, uid in expired])


def _object_path(resource: str, metadata: Mapping[str, Any]) -> str:
    namespace = metadata.get("namespace", "")
    path = namespaced_path(namespace, resource) if namespace else f"{GROUP_PATH}/{resource}"
    return f"{path}/{metadata['name']}"


def render_delete_command(created: Created) -> str:
    """Return the kubectl command that removes one object."""
    namespace = created.path.partition("/namespaces/")[2].partition("/")[0]
    where = f" -n {namespace}" if namespace else ""
    return f"kubectl delete {created.kind.lower()} {created.name}{where}"


def _delete_call(path: str, uid: str, deadline: float) -> Call:
    return Call(
        "DELETE",
        path,
        doing=f"delete {path}",
        # A 409 says that the name belongs to another object by now: ours is gone.
        body={
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        },
        deadline=deadline,
    )
