"""The order in which a run's objects are created, against a server that records it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.errors import Internal, InvalidRequest, SnapshotError
from kubectl_snapshot.job import deploy as deployment
from kubectl_snapshot.job.deploy import CreatedObject, deploy, deploy_idle
from kubectl_snapshot.job.options import JobOptions, Zipapp
from kubectl_snapshot.records import replace
from kubectl_snapshot.settings import CollectSettings
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig

OPTIONS = JobOptions(
    "abcdefghij",
    "ops",
    zipapp=Zipapp(b"PK", "0" * 64),
    settings=CollectSettings(redaction=Redaction(key=b"k" * 32)),
)
NAME = OPTIONS.name
EXPIRES = "2026-11-23T14:09:00Z"


@dataclass
class Api:
    """Creates what it is sent, with a UID; `refused` is the status and message of some kinds.

    They are refused so often as `refusals`.
    """

    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    refusals: int = 10**6
    stored: dict[str, Any] = field(default_factory=dict)
    writes: list[tuple[str, str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, exchange: Exchange) -> None:
        body = json.loads(exchange.body) if exchange.body else {}
        kind = exchange.path.partition("?")[0].rpartition("/")[2]
        with self.lock:
            if exchange.method != "GET":
                self.writes.append((exchange.method, body.get("kind", ""), body))
            status, message = self.refused.get(body.get("kind", ""), (0, ""))
            if exchange.method == "GET":
                found = self.stored.get(kind)
                exchange.send(200 if found else 404, found or {"kind": "Status"})
            elif status and self.refusals:
                self.refusals -= 1
                exchange.send(status, {"kind": "Status", "message": message, "code": status})
            else:
                uid = f"uid-{len(self.writes)}"
                metadata = {**body.get("metadata", {}), "uid": uid}
                exchange.send(201, {**body, "metadata": metadata})


def run(
    api: Api,
    directory: Path,
    options: JobOptions = OPTIONS,
    cancelled: threading.Event | None = None,
    is_idle: bool = False,
) -> tuple[Any, list[CreatedObject]]:
    created: list[CreatedObject] = []
    with serve(api.answer) as server:
        path = write_kubeconfig(directory / "kubeconfig", {"server": server.url}, None)
        kube = connect(ConnectionOptions(kubeconfig=path), {})
        start = deploy_idle if is_idle else deploy
        stop = cancelled or threading.Event()
        done = start(kube, options, EXPIRES, created, stop, time.monotonic() + 20)
    return done, created


def test_the_job_is_first_without_a_pod_and_is_started_last(tmp_path: Path) -> None:
    api = Api()
    job, created = run(api, tmp_path)
    assert job["spec"] == {"parallelism": 1}
    (_, kind, first), *between, (method, _, _) = api.writes
    assert (kind, first["spec"]["parallelism"]) == ("Job", 0)
    assert "ownerReferences" not in first["metadata"]
    assert method == "PATCH"
    assert sorted(kind for _, kind, _ in between) == ["ConfigMap", "Secret"]
    for _, _, body in between:
        (owner,) = body["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", NAME, "uid-1")
    assert [(one.kind, one.name, bool(one.uid)) for one in created] == [
        ("Job", NAME, True),
        ("ConfigMap", NAME, True),
        ("Secret", NAME, True),
    ]
    assert {one.run_id for one in created} == {OPTIONS.run_id}
    assert [one.owner_uid for one in created] == ["", "uid-1", "uid-1"]


def test_a_suspended_job_has_a_keeper_and_wants_its_pod_from_the_start(tmp_path: Path) -> None:
    """A queue that admitted it without pods would suspend it again when it wants one."""
    api = Api()
    run(api, tmp_path, replace(OPTIONS, is_suspended=True))
    (_, _, keeper), (_, _, job) = api.writes[:2]
    assert keeper["metadata"]["name"] == f"{NAME}-keeper"
    assert (keeper["spec"]["parallelism"], keeper["spec"]["completions"]) == (0, 0)
    assert job["spec"]["parallelism"] == 1
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", f"{NAME}-keeper", "uid-1")
    for _, _, body in api.writes[2:4]:
        assert body["metadata"]["ownerReferences"][0]["uid"] == "uid-2"


def test_the_job_of_a_fleet_never_starts_a_pod(tmp_path: Path) -> None:
    options = replace(OPTIONS, is_suspended=True, creates_pods=True)
    api = Api()
    uid, _ = run(api, tmp_path, options, is_idle=True)
    assert uid == "uid-2"
    assert [body["spec"]["parallelism"] for _, kind, body in api.writes if kind == "Job"] == [0, 0]
    assert all(method == "POST" for method, _, _ in api.writes)


def test_a_cancelled_run_stops_before_the_next_step(tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    api = Api()
    job, created = run(api, tmp_path, cancelled=cancelled)
    assert job is None
    assert [one.kind for one in created] == ["Job"]
    assert [method for method, _, _ in api.writes] == ["POST"]


def test_every_object_that_may_exist_is_known_when_one_is_refused(tmp_path: Path) -> None:
    api = Api({"ConfigMap": (422, "it is too long")})
    created: list[CreatedObject] = []
    with serve(api.answer) as server, pytest.raises(SnapshotError) as caught:
        path = write_kubeconfig(tmp_path / "kubeconfig", {"server": server.url}, None)
        kube = connect(ConnectionOptions(kubeconfig=path), {})
        limit = time.monotonic() + 20
        deploy(kube, OPTIONS, EXPIRES, created, threading.Event(), limit)
    assert isinstance(caught.value, InvalidRequest)
    assert "it is too long" in caught.value.why
    assert [(one.kind, bool(one.uid)) for one in created] == [
        ("Job", True),
        ("ConfigMap", False),
        ("Secret", True),
    ]


@pytest.mark.parametrize(("run_id", "is_ours"), [("abcdefghij", True), ("zzzzzzzzzz", False)])
def test_an_object_that_exists_is_ours_by_its_run_label(
    tmp_path: Path, run_id: str, is_ours: bool
) -> None:
    """The answer to a create may be lost: its repetition then meets the object."""
    labels = {"kubectl-snapshot/run": run_id}
    metadata = {"name": NAME, "uid": "there", "labels": labels}
    stored = {NAME: {"kind": "Job", "metadata": metadata}}
    api = Api({"Job": (409, "already exists")}, stored=stored)
    if not is_ours:
        with pytest.raises(SnapshotError) as caught:
            run(api, tmp_path)
        assert "already exists" in caught.value.why
        return
    _, created = run(api, tmp_path)
    assert created[0].uid == "there"


def test_a_job_that_lost_its_run_label_ends_the_run(tmp_path: Path) -> None:
    class Stripping(Api):
        def answer(self, exchange: Exchange) -> None:
            body = json.loads(exchange.body)
            del body["metadata"]["labels"]["kubectl-snapshot/run"]
            exchange.send(201, {**body, "metadata": {**body["metadata"], "uid": "1"}})

    with pytest.raises(Internal) as caught:
        run(Stripping(), tmp_path)
    assert "the Job's label kubectl-snapshot/run was removed" in caught.value.why


QUOTA = (403, 'configmaps "x" is forbidden: exceeded quota: tight, requested: count/configmaps=1')


def test_a_quota_is_waited_for_and_no_other_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "QUOTA_PAUSE_S", 0.01)
    patient = replace(OPTIONS, wait_for_schedule=True)
    full = Api({"ConfigMap": QUOTA}, refusals=3)
    _, created = run(full, tmp_path, patient)
    assert all(one.uid for one in created)
    assert [kind for _, kind, _ in full.writes].count("ConfigMap") == 4
    assert [kind for _, kind, _ in full.writes].count("Secret") == 1
    for options, refusal in ((patient, (422, "it is too long")), (OPTIONS, QUOTA)):
        api = Api({"ConfigMap": refusal})
        with pytest.raises(SnapshotError):
            run(api, tmp_path, options)
        assert [kind for _, kind, _ in api.writes].count("ConfigMap") == 1
