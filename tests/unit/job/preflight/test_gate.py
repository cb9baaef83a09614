"""The preflight report against a server that answers reviews, dry runs and reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.client import ConnectionOptions, connect
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.job.options import JobOptions, Zipapp
from kubectl_snapshot.job.preflight.checks import PreflightCheck
from kubectl_snapshot.job.preflight.gate import Gate, enforce_gate
from kubectl_snapshot.job.preflight.report import read_report
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
ALL = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
READY = {"type": "Ready", "status": "True"}
NODE = {
    "metadata": {"name": "node1", "labels": {"kubernetes.io/os": "linux"}},
    "spec": {},
    "status": {"conditions": [READY], "allocatable": {"cpu": "4", "memory": "8Gi"}},
}


@dataclass
class Api:
    """`refused` are status and message of a POST or GET by its resource; no rule allows all."""

    rules: list[dict[str, Any]] = field(default_factory=lambda: [ALL])
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    listed: dict[str, list[Any]] = field(default_factory=lambda: {"nodes": [NODE]})
    edit: Callable[[str, Any], None] = lambda kind, body: None

    def answer(self, exchange: Exchange) -> None:
        body = json.loads(exchange.body) if exchange.body else {}
        resource = exchange.path.partition("?")[0].rpartition("/")[2]
        status, message = self.refused.get(resource, (0, ""))
        if status:
            exchange.send(status, {"kind": "Status", "message": message, "code": status})
        elif resource == "selfsubjectrulesreviews":
            exchange.send(201, {"status": {"resourceRules": self.rules, "incomplete": False}})
        elif resource == "selfsubjectaccessreviews":
            exchange.send(201, {"status": {"allowed": False}})
        elif resource == "version":
            exchange.send(200, {"major": "1", "minor": "34", "gitVersion": "v1.34.4"})
        elif exchange.method == "GET" and "/nodes/" in exchange.path:
            (node,) = self.listed["nodes"]
            exchange.send(200, node)
        elif exchange.method == "GET":
            exchange.send(200, {"items": self.listed.get(resource, []), "metadata": {}})
        else:
            self.edit(resource, body)
            exchange.send(201, {**body, "metadata": {**body["metadata"], "uid": "1"}})


def report(api: Api, directory: Path, options: JobOptions = OPTIONS) -> list[PreflightCheck]:
    with serve(api.answer) as server:
        path = write_kubeconfig(directory / "kubeconfig", {"server": server.url}, None)
        kube = connect(ConnectionOptions(kubeconfig=path), {})
        return read_report(kube, options, time.monotonic() + 20)


def enforce(api: Api, directory: Path, options: JobOptions) -> JobOptions:
    return open_gate(api, directory, options).options


def open_gate(api: Api, directory: Path, options: JobOptions) -> Gate:
    with serve(api.answer) as server:
        path = write_kubeconfig(directory / "kubeconfig", {"server": server.url}, None)
        kube = connect(ConnectionOptions(kubeconfig=path), {})
        return enforce_gate(kube, options, time.monotonic() + 20)


def statuses(checks: list[PreflightCheck]) -> dict[str, str]:
    return {check.name: check.status for check in checks}


NAMES = [
    "API server",
    "clocks",
    "namespace",
    "Job",
    "permissions on jobs.batch",
    "permissions on configmaps",
    "permissions on pods",
    "permissions on pods/log",
    "pod",
    "cluster facts",
    "nodes",
    "image",
]
CORE = {"apiGroups": [""]}
MAY_RUN = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "patch", "delete"]},
    {**CORE, "resources": ["configmaps"], "verbs": ["create", "delete"]},
    {**CORE, "resources": ["pods", "events"], "verbs": ["list", "watch"]},
    {**CORE, "resources": ["pods/log"], "verbs": ["get"]},
    {**CORE, "resources": ["nodes"], "verbs": ["list", "get"]},
]


NO_PODS = (403, 'pods is forbidden: User "x" cannot create resource "pods" in API group ""')


def test_every_fact_has_a_check_in_the_order_in_which_a_capture_meets_it(tmp_path: Path) -> None:
    checks = report(Api(), tmp_path)
    assert [check.name for check in checks] == NAMES
    assert {check.status for check in checks} == {"ok"}


def test_the_nodes_that_were_read_are_kept_for_the_facts(tmp_path: Path) -> None:
    refused = Api(refused={"nodes": (403, "no"), "node1": (403, "no")})
    for name in ("node1", ""):
        options = replace(OPTIONS, node_name=name)
        assert open_gate(Api(), tmp_path, options).nodes == (NODE,)
        assert open_gate(refused, tmp_path, options).nodes == ()


def test_a_user_without_secrets_is_told_of_the_pods_own_key(tmp_path: Path) -> None:
    found = statuses(report(Api(MAY_RUN, {"pods": NO_PODS}), tmp_path))
    assert found["secrets in ops"] == "warn"
    assert found["quota and limits"] == "ok"
    assert "pod" not in found
    assert "events in ops" not in found


def test_a_user_without_events_is_told_what_ends_a_wait(tmp_path: Path) -> None:
    rules = [
        {**rule, "resources": [r for r in rule["resources"] if r != "events"]} for rule in MAY_RUN
    ]
    found = statuses(report(Api(rules), tmp_path))
    assert found["events in ops"] == "warn"


def test_a_node_that_is_waited_for_is_a_warning(tmp_path: Path) -> None:
    api = Api(listed={"nodes": []})
    selected = replace(OPTIONS, node_selector={"pool": "gpu"})
    assert statuses(report(api, tmp_path, selected))["nodes"] == "fail"
    waiting = replace(selected, wait_for_schedule=True)
    (check,) = [c for c in report(api, tmp_path, waiting) if c.name == "nodes"]
    assert check.status == "warn"
    assert check.reason.startswith("a capture would wait: ")


def test_a_server_that_refuses_the_login_has_no_further_check(tmp_path: Path) -> None:
    api = Api(
        refused={"selfsubjectrulesreviews": (401, "Unauthorized"), "jobs": (401, "Unauthorized")}
    )
    checks = report(api, tmp_path)
    assert [check.status for check in checks] == ["fail"]


def test_a_quota_that_refuses_the_pod_is_the_pods_check(tmp_path: Path) -> None:
    api = Api(
        refused={"pods": (403, 'pods "x" is forbidden: exceeded quota: tight, requested: pods=1')}
    )
    (check,) = [c for c in report(api, tmp_path) if c.name == "pod"]
    assert check.status == "fail"
    assert "exceeds the quota of namespace ops" in check.reason


def test_a_suspended_job_fails_unless_a_queue_is_named(tmp_path: Path) -> None:
    def suspend(resource: str, body: Any) -> None:
        if resource == "jobs":
            body["spec"]["suspend"] = True

    api = Api(edit=suspend)
    assert statuses(report(api, tmp_path))["Job"] == "fail"
    queued = replace(OPTIONS, job_labels={"kueue.x-k8s.io/queue-name": "research"})
    assert statuses(report(api, tmp_path, queued))["Job"] == "ok"


@pytest.mark.parametrize("resource", ["configmaps", "secrets"])
def test_a_refused_configmap_fails_and_a_refused_secret_warns(
    tmp_path: Path, resource: str
) -> None:
    message = f'{resource} "x" is forbidden: exceeded quota: tight, requested: count/{resource}=1'
    checks = report(Api(refused={resource: (403, message)}), tmp_path)
    told = [check for check in checks if "exceeded quota: tight" in check.reason]
    assert [check.status for check in told] == ["fail" if resource == "configmaps" else "warn"]


def on_runtime(runtime: str) -> dict[str, Any]:
    status = {**NODE["status"], "nodeInfo": {"containerRuntimeVersion": runtime}}
    return {**NODE, "status": status}


@pytest.mark.parametrize("name", ["", "node1"])
@pytest.mark.parametrize(
    ("runtime", "expected"), [("containerd://2.1.4", True), ("cri-o://1.34.0", False)]
)
def test_the_nodes_mounts_are_read_only_below_root_where_the_runtime_takes_it(
    tmp_path: Path, name: str, runtime: str, expected: bool
) -> None:
    api = Api(listed={"nodes": [on_runtime(runtime)]})
    options = replace(OPTIONS, node_name=name)
    assert enforce(api, tmp_path, options).recursive_read_only is expected


def test_a_user_who_may_not_see_nodes_gets_the_mount_that_every_runtime_takes(
    tmp_path: Path,
) -> None:
    refused = {"nodes": (403, "nodes is forbidden")}
    assert enforce(Api(MAY_RUN, refused), tmp_path, OPTIONS).recursive_read_only is False
