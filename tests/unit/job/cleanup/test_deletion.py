"""What is sent to the API server to list and delete the objects of runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_snapshot.clients.kube.client import ConnectionOptions, Kube, connect
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.job.cleanup.deletion import (
    RESOURCES,
    delete_created,
    delete_expired_roles,
    delete_finished,
    delete_listed,
    delete_pods,
    read_inventory,
    render_cleanup_command,
)
from kubectl_snapshot.job.cleanup.selection import CleanupObject
from kubectl_snapshot.job.deploy import CreatedObject
from kubectl_snapshot.job.options import AGENT, JobOptions
from kubectl_snapshot.job.permissions import Permission
from tests.servers.http_server import Exchange, serve

RUN = "abcdefghij"
NAME = f"kubectl-snapshot-{RUN}"
JOBS, SECRETS = "/apis/batch/v1/namespaces/ops/jobs", "/api/v1/namespaces/ops/secrets"
JOB = CreatedObject(JOBS, NAME, "Job", RUN, "u1")
SECRET = CreatedObject(SECRETS, NAME, "Secret", RUN, "u2", owner_uid="u1")
POD = {"metadata": {"ownerReferences": [{"kind": "Job", "uid": "u1"}]}}
LABELS = "app.kubernetes.io/managed-by=kubectl-snapshot,app.kubernetes.io/name=kubectl-snapshot"


@dataclass
class Api:
    """An API server that answers by path, else by an empty object, and keeps what it was asked."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, list[str]], Any]] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)

    def answer(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        body = json.loads(exchange.body) if exchange.body else None
        self.asked.append((exchange.method, parts.path, parse_qs(parts.query), body))
        self.accepted[parts.path] = exchange.headers.get("Accept", "")
        status, answer = self.answers.get(f"{exchange.method} {parts.path}", (200, {"items": []}))
        exchange.send(status, answer)

    def sent(self, method: str) -> dict[str, Any]:
        return {path: body for m, path, _, body in self.asked if m == method}


Connect = Callable[[Api], Kube]


@pytest.fixture
def connect_to() -> Iterator[Connect]:
    with pytest.MonkeyPatch.context() as patch:
        stack: list[Any] = []

        def run(api: Api) -> Kube:
            server = serve(api.answer)
            stack.append(server)
            patch.setenv("KUBECONFIG", "/nonexistent/config")
            url = server.__enter__().url
            return connect(ConnectionOptions(server=url), {"HOME": "/nonexistent"})

        yield run
        for server in stack:
            server.__exit__(None, None, None)


def soon() -> float:
    return time.monotonic() + 10


def refusal(status: int) -> tuple[int, Any]:
    return status, {"kind": "Status", "message": "no", "code": status}


def test_a_delete_names_the_uid_and_collects_dependents_in_the_background(
    connect_to: Connect,
) -> None:
    api = Api()
    assert delete_created(connect_to(api), [JOB], soon()) == []
    assert api.sent("DELETE") == {
        f"{JOBS}/{NAME}": {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": "u1"},
        }
    }


def test_a_name_with_the_runs_id_needs_no_uid(connect_to: Connect) -> None:
    api = Api()
    delete_created(connect_to(api), [replace(JOB, uid="")], soon())
    (body,) = api.sent("DELETE").values()
    assert body["propagationPolicy"] == "Background"
    assert "preconditions" not in body
    assert api.sent("GET") == {}


def chosen_name(run_id: str) -> Any:
    metadata = {"name": "mine", "uid": "u7", "labels": {"kubectl-snapshot/run": run_id}}
    return 200, {"kind": "Job", "metadata": metadata}


def test_a_chosen_name_without_a_uid_is_read_first(connect_to: Connect) -> None:
    mine = replace(JOB, name="mine", uid="")
    api = Api({f"GET {JOBS}/mine": chosen_name(RUN)})
    assert delete_created(connect_to(api), [mine], soon()) == []
    assert api.sent("DELETE")[f"{JOBS}/mine"]["preconditions"] == {"uid": "u7"}


@pytest.mark.parametrize("answer", [chosen_name("zzzzzzzzzz"), refusal(404)])
def test_an_object_of_someone_else_is_not_deleted(connect_to: Connect, answer: Any) -> None:
    api = Api({f"GET {JOBS}/mine": answer})
    assert delete_created(connect_to(api), [replace(JOB, name="mine", uid="")], soon()) == []
    assert api.sent("DELETE") == {}


@pytest.mark.parametrize(
    ("pod", "secret", "status", "deleted"),
    [
        (POD, SECRET, 200, ["jobs"]),
        # The Job is another one by now: whoever deleted ours may have orphaned its Secret.
        (POD, SECRET, 409, ["jobs", "secrets"]),
        (POD, SECRET, 404, ["jobs", "secrets"]),
        (POD, replace(SECRET, uid=""), 200, ["jobs", "secrets"]),
        (POD, replace(SECRET, owner_uid=""), 200, ["jobs", "secrets"]),
        ({"metadata": {}}, SECRET, 200, ["jobs", "secrets"]),
    ],
)
def test_what_the_pods_job_owns_is_left_to_the_garbage_collector(
    connect_to: Connect, pod: Any, secret: CreatedObject, status: int, deleted: list[str]
) -> None:
    api = Api({f"DELETE {JOBS}/{NAME}": (200, {}) if status == 200 else refusal(status)})
    assert delete_finished(connect_to(api), [JOB, secret], pod, soon()) == []
    assert sorted(path.split("/")[-2] for path in api.sent("DELETE")) == deleted


def test_a_job_with_a_keeper_is_deleted_by_the_run(connect_to: Connect) -> None:
    """The keeper owns the Job of the pod, and the run deletes both."""
    keeper = replace(JOB, name=f"{NAME}-keeper", uid="u0")
    job, api = replace(JOB, owner_uid="u0"), Api()
    assert delete_finished(connect_to(api), [keeper, job, SECRET], POD, soon()) == []
    assert sorted(api.sent("DELETE")) == [f"{JOBS}/{NAME}", f"{JOBS}/{NAME}-keeper"]


def test_a_job_that_cannot_be_deleted_remains_and_its_dependents_are_deleted(
    connect_to: Connect,
) -> None:
    api = Api({f"DELETE {JOBS}/{NAME}": refusal(403)})
    ((remaining, error),) = delete_finished(connect_to(api), [JOB, SECRET], POD, soon())
    assert (remaining, error.status) == (JOB, 403)
    assert f"{SECRETS}/{NAME}" in api.sent("DELETE")


def test_an_object_that_cannot_be_read_remains_and_costs_no_other(connect_to: Connect) -> None:
    mine = replace(JOB, name="mine", uid="")
    api = Api({f"GET {JOBS}/mine": refusal(403)})
    ((remaining, error),) = delete_created(connect_to(api), [mine, JOB], soon())
    assert (remaining, error.status) == (mine, 403)
    assert list(api.sent("DELETE")) == [f"{JOBS}/{NAME}"]


@pytest.mark.parametrize(("status", "remains"), [(404, False), (409, False), (403, True)])
def test_what_is_gone_or_replaced_counts_as_deleted(
    connect_to: Connect, status: int, remains: bool
) -> None:
    api = Api({f"DELETE {JOBS}/{NAME}": refusal(status)})
    left = delete_created(connect_to(api), [JOB], soon())
    assert [(created, error.status) for created, error in left] == [(JOB, status)] * remains


def listed(kind: str, name: str, expires: str = "", namespace: str = "ops") -> Any:
    annotations = {"kubectl-snapshot/expires": expires} if expires else {}
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "labels": {"kubectl-snapshot/run": RUN},
        "annotations": annotations,
    }
    return {"kind": kind, "metadata": metadata}


def path_of(kind: str, namespace: str = "") -> str:
    base, resource = RESOURCES[kind]
    return f"{base}/namespaces/{namespace}/{resource}" if namespace else f"{base}/{resource}"


def listed_job(run_id: str, is_finished: bool = False) -> Any:
    job = listed("Job", run_id)
    job["metadata"]["labels"]["kubectl-snapshot/run"] = run_id
    conditions = [{"type": "Complete", "status": "True"}] if is_finished else []
    return {**job, "status": {"conditions": conditions}}


def role(name: str, run_id: str, expires: str) -> Any:
    body = listed("ClusterRole", name, expires, "")
    body["metadata"]["labels"]["kubectl-snapshot/run"] = run_id
    return body


LONG_AGO, TO_COME = "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def test_only_expired_roles_without_an_active_job_are_deleted(connect_to: Connect) -> None:
    roles = [
        role("gone", "aaaaaaaaaa", LONG_AGO),
        role("finished", "bbbbbbbbbb", LONG_AGO),
        role("active", "cccccccccc", LONG_AGO),
        role("young", "dddddddddd", TO_COME),
        role("endless", "eeeeeeeeee", ""),
    ]
    jobs = [listed_job("bbbbbbbbbb", is_finished=True), listed_job("cccccccccc")]
    api = Api(
        {
            f"GET {path_of('ClusterRole')}": (200, {"items": roles}),
            f"GET {path_of('Role')}": (200, {"items": [listed("Role", "old", LONG_AGO)]}),
            f"GET {path_of('RoleBinding')}": refusal(403),
            f"GET {path_of('Job')}": (200, {"items": jobs}),
        }
    )
    delete_expired_roles(connect_to(api), soon())
    deleted = api.sent("DELETE")
    assert sorted(deleted) == [
        f"{path_of('ClusterRole')}/finished",
        f"{path_of('ClusterRole')}/gone",
        f"{path_of('Role', 'ops')}/old",
    ]
    assert all(body["preconditions"]["uid"].startswith("uid-") for body in deleted.values())


@pytest.mark.parametrize("jobs", [refusal(403), (200, {"items": []})])
def test_roles_stay_if_jobs_cannot_be_listed_or_none_is_expired(
    connect_to: Connect, jobs: tuple[int, Any]
) -> None:
    expires = LONG_AGO if jobs[0] == 403 else TO_COME
    roles = [role("x", "aaaaaaaaaa", expires)]
    api = Api(
        {
            f"GET {path_of('ClusterRole')}": (200, {"items": roles}),
            f"GET {path_of('Job')}": jobs,
        }
    )
    delete_expired_roles(connect_to(api), soon())
    assert not api.sent("DELETE")
    assert (path_of("Job") in api.sent("GET")) is (jobs[0] == 403)
    assert path_of("RoleBinding") in api.sent("GET")


def test_an_inventory_asks_for_our_labels_and_lists_jobs_last(connect_to: Connect) -> None:
    jobs = {"items": [listed("Job", NAME)]}
    api = Api({f"GET {JOBS}": (200, jobs), f"GET {path_of('Secret', 'ops')}": refusal(403)})
    inventory = read_inventory(connect_to(api), "ops", "", soon())
    assert inventory.objects == (CleanupObject("Job", NAME, "ops", RUN, f"uid-{NAME}"),)
    assert [error.status for error in inventory.errors] == [403]
    assert inventory.date.endswith(" GMT")
    paths = [path for _, path, _, _ in api.asked]
    cluster_wide = ("ClusterRole", "ClusterRoleBinding")
    assert set(paths) == {
        path_of(kind, "" if kind in cluster_wide else "ops") for kind in RESOURCES
    }
    assert paths[-1] == JOBS
    queries = {query["labelSelector"][0] for _, _, query, _ in api.asked}
    assert queries == {f"{LABELS},kubectl-snapshot/run"}
    # Only of a Job is more needed than its metadata: whether it has finished.
    assert "PartialObjectMetadataList" in api.accepted[path_of("Secret", "ops")]
    assert "PartialObjectMetadataList" not in api.accepted[JOBS]


def test_an_inventory_of_one_run_asks_for_its_label_in_all_namespaces(connect_to: Connect) -> None:
    api = Api()
    assert read_inventory(connect_to(api), "", RUN, soon()).objects == ()
    queries = {query["labelSelector"][0] for _, _, query, _ in api.asked}
    assert queries == {f"{LABELS},kubectl-snapshot/run={RUN}"}
    assert {path for _, path, _, _ in api.asked} == {path_of(kind) for kind in RESOURCES}


def test_the_job_of_a_named_run_is_known_where_jobs_cannot_be_listed(connect_to: Connect) -> None:
    api = Api({f"GET {JOBS}": refusal(403)})
    inventory = read_inventory(connect_to(api), "ops", RUN, soon())
    assert inventory.objects == (CleanupObject("Job", NAME, "ops", RUN),)
    assert [error.status for error in inventory.errors] == [403]
    assert inventory.date == ""


@pytest.mark.parametrize(("namespace", "run_id"), [("ops", ""), ("", RUN)])
def test_without_a_run_or_a_namespace_jobs_have_to_be_listed(
    connect_to: Connect, namespace: str, run_id: str
) -> None:
    path = path_of("Job", namespace)
    with pytest.raises(SnapshotError) as caught:
        read_inventory(connect_to(Api({f"GET {path}": refusal(403)})), namespace, run_id, soon())
    assert caught.value.status == 403


def test_listed_objects_are_deleted_where_they_are(connect_to: Connect) -> None:
    api = Api({f"DELETE {SECRETS}/a": refusal(403)})
    selected = [
        CleanupObject("Secret", "a", "ops", RUN, "u1"),
        CleanupObject("ClusterRole", "b", "", RUN, ""),
    ]
    first, second = delete_listed(connect_to(api), selected, soon())
    assert isinstance(first, SnapshotError)
    assert not isinstance(second, SnapshotError)
    bodies = api.sent("DELETE")
    assert bodies[f"{SECRETS}/a"]["preconditions"] == {"uid": "u1"}
    assert "preconditions" not in bodies[f"{path_of('ClusterRole')}/b"]


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ({}, f"snapshot cleanup --run {RUN} -n ops"),
        ({"cluster_scope": AGENT}, f"snapshot cleanup --run {RUN} -n ops"),
        (
            {"cluster_scope": AGENT, "reads": (Permission("list", "", "secrets", "", "helm"),)},
            f"snapshot cleanup --run {RUN} -A",
        ),
        (
            {"reads": (Permission("list", "", "secrets", "", "helm"),)},
            f"snapshot cleanup --run {RUN} -n ops",
        ),
    ],
)
def test_the_clean_up_command_names_run_and_namespace(options: Any, command: str) -> None:
    assert render_cleanup_command(JobOptions(RUN, "ops", **options)) == command


def test_pods_that_their_job_left_are_deleted_by_the_runs_label(connect_to: Connect) -> None:
    pods = "/api/v1/namespaces/ops/pods"
    item = {"metadata": {"name": "p", "uid": "u9", "labels": {"kubectl-snapshot/run": RUN}}}
    api = Api({f"GET {pods}": (200, {"items": [item]})})
    assert delete_pods(connect_to(api), JobOptions(RUN, "ops"), soon()) == []
    ((method, path, query, _), *_) = api.asked
    assert (method, path) == ("GET", pods)
    assert query["labelSelector"] == [f"{LABELS},kubectl-snapshot/run={RUN}"]
    assert api.sent("DELETE")[f"{pods}/p"]["preconditions"] == {"uid": "u9"}
    # A list that is refused leaves nothing to delete, and is no error of the run.
    api = Api({f"GET {pods}": refusal(403)})
    assert delete_pods(connect_to(api), JobOptions(RUN, "ops"), soon()) == []
    assert api.sent("DELETE") == {}


def test_a_refusal_says_what_was_tried(connect_to: Connect) -> None:
    api = Api({f"DELETE {JOBS}/{NAME}": refusal(403), f"GET {SECRETS}": refusal(403)})
    ((_, error),) = delete_created(connect_to(api), [JOB], soon())
    assert error.what == f"cannot delete {JOBS}/{NAME}"
    inventory = read_inventory(connect_to(api), "ops", "", soon())
    assert [error.what for error in inventory.errors] == ["cannot list our secrets"]
