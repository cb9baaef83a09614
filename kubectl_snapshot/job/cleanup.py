"""What a run made, out of the cluster again: only what carries its run id, each by its UID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.kube import Call
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job.deploy import Created, find_uid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.clients.kube import Kube


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
    answers = kube.request_all([_delete_call(created, uid, deadline) for created, uid in doomed])
    for (created, _), answer in zip(doomed, answers):
        if isinstance(answer, SnapshotError) and answer.status not in (404, 409):
            left.append((created, answer))
    return left


def render_delete_command(created: Created) -> str:
    """Return the kubectl command that removes one object."""
    namespace = created.path.partition("/namespaces/")[2].partition("/")[0]
    where = f" -n {namespace}" if namespace else ""
    return f"kubectl delete {created.kind.lower()} {created.name}{where}"


def _delete_call(created: Created, uid: str, deadline: float) -> Call:
    return Call(
        "DELETE",
        f"{created.path}/{created.name}",
        doing=f"delete {created.kind} {created.name}",
        # A 409 says that the name belongs to another object by now: ours is gone.
        body={
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        },
        deadline=deadline,
    )
