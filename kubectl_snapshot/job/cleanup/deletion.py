"""List and delete the objects of runs: only those with our labels and a run id.

Each delete has the UID as precondition, unless the name contains the run's random id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube.calls import JSON
from kubectl_snapshot.clients.kube.client import METADATA_LIST, Call, Response
from kubectl_snapshot.constants import (
    MANAGED_BY_LABEL,
    NAME,
    NAME_LABEL,
    RUN_LABEL,
)
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job.cleanup.selection import (
    JOB,
    CleanupObject,
    is_expired,
    parse_cleanup_object,
)
from kubectl_snapshot.job.deploy import CreatedObject, read_uid
from kubectl_snapshot.job.rbac.agent_roles import GROUP_PATH
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.clients.kube.client import Kube
    from kubectl_snapshot.job.options import JobOptions

# API path and resource of each kind that a run creates.
RESOURCES = {
    "Pod": ("/api/v1", "pods"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Role": (GROUP_PATH, "roles"),
    "RoleBinding": (GROUP_PATH, "rolebindings"),
    JOB: ("/apis/batch/v1", "jobs"),
    "ClusterRole": (GROUP_PATH, "clusterroles"),
    "ClusterRoleBinding": (GROUP_PATH, "clusterrolebindings"),
}
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding")
# Kinds that a Job cannot own: cluster-wide, or possibly in another namespace.
UNOWNED = (*CLUSTER_WIDE, "Role", "RoleBinding")


@dataclass(frozen=True)
class Inventory:
    """The objects with our labels, the errors of kinds that cannot be listed, the server's time."""

    objects: tuple[CleanupObject, ...]
    errors: tuple[SnapshotError, ...]
    date: str


def delete_created(
    kube: Kube, objects: Sequence[CreatedObject], deadline: float
) -> list[tuple[CreatedObject, SnapshotError]]:
    """Delete a run's objects in parallel and return those that remain, each with its error.

    An absent object counts as deleted. Every delete has `propagationPolicy: Background`: a Job
    deleted without it orphans its pod.
    """
    return _find_remaining(_delete_each(kube, objects, deadline))


def delete_finished(
    kube: Kube, objects: Sequence[CreatedObject], pod: Mapping[str, Any], deadline: float
) -> list[tuple[CreatedObject, SnapshotError]]:
    """Delete the objects of a run whose pod has sent its result; return those that remain.

    What the pod's Job owns is garbage-collected with it, as the pod is: the garbage collector runs
    in the process that has just created the pod. If somebody else deleted the Job, perhaps without
    its dependents, they are deleted here.
    """
    owners = {owner["uid"] for owner in pod["metadata"].get("ownerReferences") or ()}
    owned = [one for one in objects if one.uid and one.owner_uid in owners and one.kind != JOB]
    answers = _delete_each(kube, [one for one in objects if one not in owned], deadline)
    if any(isinstance(answer, SnapshotError) for _, answer in answers):
        answers += _delete_each(kube, owned, deadline)
    return _find_remaining(answers)


def _delete_each(
    kube: Kube, objects: Sequence[CreatedObject], deadline: float
) -> list[tuple[CreatedObject, Response | SnapshotError]]:
    """Return the answer to the deletion of each object that may exist."""
    unread: list[tuple[CreatedObject, Response | SnapshotError]] = []
    selected: list[tuple[CreatedObject, str]] = []
    for created in objects:
        if created.uid or created.run_id in created.name:
            selected.append((created, created.uid))
            continue
        try:
            uid = read_uid(kube, created, deadline)
        except SnapshotError as error:
            unread.append((created, error))
            continue
        if uid:
            selected.append((created, uid))
    answers = kube.request_all(
        [_delete_call(f"{created.path}/{created.name}", uid, deadline) for created, uid in selected]
    )
    return [*unread, *((created, answer) for (created, _), answer in zip(selected, answers))]


def _find_remaining(
    answers: Iterable[tuple[CreatedObject, Response | SnapshotError]],
) -> list[tuple[CreatedObject, SnapshotError]]:
    """Return the objects that could not be deleted; 404 and 409 mean that ours is gone."""
    return [
        (created, answer)
        for created, answer in answers
        if isinstance(answer, SnapshotError) and answer.status not in (404, 409)
    ]


def delete_pods(
    kube: Kube, options: JobOptions, deadline: float
) -> list[tuple[CreatedObject, SnapshotError]]:
    """Delete the run's pods, which their Job no longer owns; return those that remain."""
    path = _list_path(RESOURCES["Pod"], options.namespace)
    answers = kube.request_all([_list_call(path, options.run_id, deadline)])
    pods = [
        CreatedObject(path, pod.name, pod.kind, pod.run_id, pod.uid)
        for pod in _parse_all(zip(["Pod"], answers))
    ]
    return delete_created(kube, pods, deadline)


def delete_expired_roles(kube: Kube, deadline: float) -> None:
    """Delete expired roles and bindings of earlier runs, which no Job could own.

    By the API server's clock, and only if it is known that their Job is gone or finished: a user
    without permission to list the roles, or Jobs in all namespaces, deletes none.
    """
    calls = [_list_call(_list_path(RESOURCES[kind], ""), "", deadline) for kind in UNOWNED]
    objects = _parse_all(zip(UNOWNED, kube.request_all(calls)))
    expired = [item for item in objects if is_expired(item, kube.now())]
    if not expired:
        return
    call = _list_call(_list_path(RESOURCES[JOB], ""), "", deadline, JSON)
    (jobs,) = kube.request_all([call])
    if isinstance(jobs, Response):
        active = {job.run_id for job in _parse_all([(JOB, jobs)]) if not job.is_finished}
        delete_listed(kube, [item for item in expired if item.run_id not in active], deadline)


def read_inventory(kube: Kube, namespace: str, run_id: str, deadline: float) -> Inventory:
    """Return the objects with our labels in a namespace (empty: in all) and cluster-wide.

    Jobs are created first and listed last, so an object without a Job is orphaned. Raises if Jobs
    cannot be listed, unless a run is named: then the name of its Job is known.
    """
    paths = {
        kind: _list_path(where, "" if kind in CLUSTER_WIDE else namespace)
        for kind, where in RESOURCES.items()
    }
    jobs_path = paths.pop(JOB)
    answers = kube.request_all([_list_call(path, run_id, deadline) for path in paths.values()])
    (jobs,) = kube.request_all([_list_call(jobs_path, run_id, deadline, JSON)])
    objects = _parse_all(zip(paths, answers))
    refused = tuple(answer for answer in answers if isinstance(answer, SnapshotError))
    if isinstance(jobs, Response):
        objects += _parse_all([(JOB, jobs)])
        return Inventory(tuple(objects), refused, jobs.date)
    if not run_id or not namespace:
        raise jobs
    objects.append(CleanupObject(JOB, f"{NAME}-{run_id}", namespace, run_id))
    return Inventory(tuple(objects), (*refused, jobs), "")


def delete_listed(
    kube: Kube, selected: Sequence[CleanupObject], deadline: float
) -> list[Response | SnapshotError]:
    """Delete listed objects in parallel and return the answer or error of each."""
    return kube.request_all([_delete_call(_object_path(f), f.uid, deadline) for f in selected])


def render_cleanup_command(options: JobOptions) -> str:
    """Return the kubectl arguments that delete every object of one run, also an active one."""
    where = "-A" if options.sets_up_rbac and options.role_namespaces else f"-n {options.namespace}"
    return f"snapshot cleanup --run {options.run_id} {where}"


def _object_path(item: CleanupObject) -> str:
    return f"{_list_path(RESOURCES[item.kind], item.namespace)}/{item.name}"


def _list_path(where: tuple[str, str], namespace: str) -> str:
    path, resource = where
    return f"{path}/namespaces/{namespace}/{resource}" if namespace else f"{path}/{resource}"


def _list_call(path: str, run_id: str, deadline: float, accept: str = METADATA_LIST) -> Call:
    labels = f"{MANAGED_BY_LABEL}={NAME},{NAME_LABEL}={NAME},{RUN_LABEL}"
    return Call(
        "GET",
        path,
        doing=f"list our {path.rpartition('/')[2]}",
        query={"labelSelector": f"{labels}={run_id}" if run_id else labels},
        deadline=deadline,
        accept=accept,
    )


def _parse_all(answers: Iterable[tuple[str, Response | SnapshotError]]) -> list[CleanupObject]:
    return [
        parse_cleanup_object(kind, item)
        for kind, answer in answers
        if isinstance(answer, Response)
        for item in answer.body.get("items") or ()
    ]


def _delete_call(path: str, uid: str, deadline: float) -> Call:
    options: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
    }
    if uid:
        # A 409 means that the name belongs to another object now: ours is gone.
        options["preconditions"] = {"uid": uid}
    return Call("DELETE", path, doing=f"delete {path}", body=options, deadline=deadline)
