"""Each flag of a capture has the effect that its help promises, on a real cluster."""

from __future__ import annotations

import json
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.constants import RUN_LABEL
from tests.cluster.conftest import Finished
from tests.cluster.support import Cluster, assert_nothing_left, ours
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

TAINT = {"key": "lab.example/only", "value": "tests", "effect": "NoSchedule"}


def kept_pod(cluster: Cluster, namespace: str) -> dict[str, Any]:
    (pod,) = cluster.client.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    found: dict[str, Any] = pod
    return found


def kept_run(cluster: Cluster, namespace: str) -> str:
    return str(kept_pod(cluster, namespace)["metadata"]["labels"][RUN_LABEL])


@contextmanager
def tainted(cluster: Cluster, node: str) -> Iterator[None]:
    path = f"/api/v1/nodes/{node}"
    cluster.client.patch(path, {"spec": {"taints": [TAINT]}})
    try:
        yield
    finally:
        cluster.client.patch(path, {"spec": {"taints": None}})


def test_output_flags_choose_format_and_place(
    run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    in_json, in_yaml = tmp_path / "a.json", tmp_path / "b"
    words = ["-o", "name", "-o", str(in_json), "-o", str(in_yaml), "--node", "node1"]
    ended = run_snapshot("-n", namespace, *words)
    assert ended.stdout == "node/node1\n"
    assert json.loads(in_json.read_text())["kind"] == "Snapshot"
    assert parse_valid(in_json.read_text()) == parse_valid(in_yaml.read_text())
    assert stat.S_IMODE(in_json.stat().st_mode) == 0o600
    ended = run_snapshot("-n", namespace, "-t", "json", "--node", "node1")
    assert json.loads(ended.stdout)["metadata"]["source-node"] == "node1"


def test_log_flags_choose_what_is_reported(run_snapshot: Run, namespace: str) -> None:
    words = ["-n", namespace, "--node", "node1", "-o", "name"]
    assert "collecting on node1" in run_snapshot(*words).stderr
    assert run_snapshot(*words, "--quiet").stderr == ""
    assert "OS: ok in " in run_snapshot(*words, "-v").stderr
    lines = run_snapshot(*words, "--log-json").stderr.splitlines()
    events = [json.loads(line) for line in lines]
    assert {"start", "scheduled", "started", "finished"} <= {event["event"] for event in events}
    finished = {event["collector"] for event in events if event["event"] == "finished"}
    assert finished == set(ALL_COLLECTORS)
    assert events[0]["run-id"]


def test_debug_adds_the_traceback(run_snapshot: Run, namespace: str) -> None:
    words = ["-n", namespace, "--service-account-name", "missing"]
    assert "Traceback" not in run_snapshot(*words).stderr
    assert "Traceback" in run_snapshot(*words, "--debug").stderr


def test_strict_makes_a_gap_an_exit_code(run_snapshot: Run, namespace: str) -> None:
    words = ["-n", namespace, "--privileged=false"]
    assert run_snapshot(*words).returncode == 0
    ended = run_snapshot(*words, "--strict")
    assert ended.returncode == 10
    assert "OS.release=unavailable" in parse_valid(ended.stdout).metadata["gaps"]
    ended = run_snapshot(*words, "--strict=all-or-nothing")
    assert (ended.returncode, ended.stdout) == (10, "")
    assert run_snapshot("-n", namespace, "--strict").returncode == 0


def test_tolerations_replace_the_default(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    words = ["-n", namespace, "--node", "node1", "-o", "name"]
    with tainted(cluster, "node1"):
        assert run_snapshot(*words).returncode == 0
        fits = run_snapshot(*words, "--toleration", "lab.example/only=tests:NoSchedule")
        assert fits.returncode == 0, fits.stderr
        every = run_snapshot(*words, "--toleration", "*")
        assert every.returncode == 0, every.stderr
        other = run_snapshot(*words, "--toleration", "other:NoSchedule")
    assert other.returncode == 3
    assert "untolerated taint" in other.stderr
    assert_nothing_left(cluster)


def test_a_selector_that_fits_no_node_says_so(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    ended = run_snapshot("-n", namespace, "--node-selector", "pool=none")
    assert ended.returncode == 3
    assert "error: no node matches pool=none" in ended.stderr
    ended = run_snapshot("-n", namespace, "--node", "node99")
    assert (ended.returncode, "node99" in ended.stderr) == (3, True)
    assert_nothing_left(cluster)


def test_the_pod_is_as_the_flags_say(cluster: Cluster, run_snapshot: Run, namespace: str) -> None:
    core = f"/api/v1/namespaces/{namespace}"
    cluster.client.call("POST", f"{core}/serviceaccounts", {"metadata": {"name": "mine"}})
    runtime_class = f"snapshot-test-{secrets.token_hex(4)}"
    classes = "/apis/node.k8s.io/v1/runtimeclasses"
    cluster.client.call("POST", classes, {"metadata": {"name": runtime_class}, "handler": "runc"})
    words = ["--service-account-name", "mine", "--runtime-class", runtime_class]
    words += ["--image-pull-secret", "one", "--image-pull-secret", "two", "--job-name", "named"]
    words += ["--requests", "cpu=20m", "--limits", "memory=300Mi,cpu=2"]
    try:
        ended = run_snapshot("-n", namespace, *words, "--no-cleanup", "--node", "node1")
    finally:
        cluster.client.call("DELETE", f"{classes}/{runtime_class}")
    assert ended.returncode == 0, ended.stderr
    pod = kept_pod(cluster, namespace)["spec"]
    assert pod["serviceAccountName"] == "mine"
    assert pod["runtimeClassName"] == runtime_class
    assert pod["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    resources = pod["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "20m", "memory": "64Mi"}
    assert resources["limits"] == {"cpu": "2", "memory": "300Mi"}
    assert f"Job {namespace}/named" in ours(cluster)
    assert f"kubectl logs job/named -n {namespace}" in ended.stderr
    assert f"kubectl snapshot cleanup --run {kept_run(cluster, namespace)}" in ended.stderr


@pytest.mark.parametrize("flag", ["--no-cleanup", "--cleanup=false"])
def test_what_is_kept_goes_with_its_job(
    cluster: Cluster, run_snapshot: Run, namespace: str, flag: str
) -> None:
    run_id = parse_valid(run_snapshot("-n", namespace, flag).stdout).metadata["run-id"]
    left = {line.split()[0] for line in ours(cluster, run_id)}
    assert left == {"Job", "Pod", "ConfigMap", "Secret"}
    job = f"/apis/batch/v1/namespaces/{namespace}/jobs/kubectl-snapshot-{run_id}"
    cluster.client.call("DELETE", job, {"propagationPolicy": "Background"})
    assert_nothing_left(cluster, run_id)


def test_an_existing_job_is_never_replaced(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    words = ["-n", namespace, "--job-name", "taken"]
    assert run_snapshot(*words, "--no-cleanup").returncode == 0
    job = f"/apis/batch/v1/namespaces/{namespace}/jobs/taken"
    before = cluster.client.get(job)["metadata"]["uid"]
    ended = run_snapshot(*words)
    assert ended.returncode == 2
    assert f"error: Job {namespace}/taken already exists" in ended.stderr
    assert cluster.client.get(job)["metadata"]["uid"] == before


def test_a_named_account_reads_what_it_may_and_the_rest_is_forbidden(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.client.call("POST", account, {"metadata": {"name": "powerless"}})
    words = ["--service-account-name", "powerless", "--cluster-scope", "agent"]
    snapshot = parse_valid(run_snapshot("-n", namespace, *words).stdout)
    node = subtype(snapshot, "K8s", "node")
    assert node.status == "forbidden"
    assert 'cannot get resource "nodes"' in node.context["reason"]
    assert subtype(snapshot, "K8s", "server").status == "ok"
    assert_nothing_left(cluster)
    assert cluster.client.get(f"{account}/powerless")["metadata"]["name"] == "powerless"


def test_a_client_dry_run_prints_what_kubectl_would_take(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    before = cluster.audit_size()
    ended = run_snapshot("-n", namespace, "--dry-run", "--node", "node1")
    kinds = [document["kind"] for document in yaml.safe_load_all(ended.stdout)]
    assert kinds == ["Job", "ConfigMap", "Secret"]
    agents = {event.get("userAgent", "") for event in cluster.audit(before)}
    assert not [agent for agent in agents if agent.startswith("kubectl-snapshot/")]


def test_a_server_dry_run_is_checked_and_makes_nothing(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    words = ["-n", namespace, "--dry-run=server", "--cluster-scope", "agent", "-o", "json"]
    objects = json.loads(run_snapshot(*words).stdout)["items"]
    assert [o["kind"] for o in objects] == [
        "Job",
        "ConfigMap",
        "Secret",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
    ]
    assert objects[0]["spec"]["suspend"] is False
    assert_nothing_left(cluster)
    refused = run_snapshot("-n", namespace, "--dry-run=server", "--job-name", "Not_A_Name")
    assert refused.returncode == 2


def test_the_timeout_ends_a_capture_and_leaves_nothing(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    ended = run_snapshot("-n", namespace, "--timeout", "400ms")
    assert ended.returncode == 5
    assert any(line.startswith("error: ") for line in ended.stderr.splitlines()[-3:])
    assert_nothing_left(cluster)


def test_the_environment_speaks_for_flags(run_snapshot: Run, namespace: str) -> None:
    ours_first = {"AICR_NAMESPACE": "not-this-one", "KUBECTL_SNAPSHOT_NAMESPACE": namespace}
    environment = {**ours_first, "KUBECTL_SNAPSHOT_NODE": "node1"}
    ended = run_snapshot("-o", "name", env=environment)
    assert ended.stdout == "node/node1\n", ended.stderr


def test_local_needs_no_agent_and_uses_the_cluster_where_it_can(
    cluster: Cluster, run_snapshot: Run
) -> None:
    snapshot = parse_valid(run_snapshot("--local").stdout)
    assert snapshot.metadata["mode"] == "local"
    assert subtype(snapshot, "K8s", "server").status == "ok"
    assert subtype(snapshot, "K8s", "node").status == "absent"
    assert_nothing_left(cluster)


def test_version_tells_the_server(cluster: Cluster, run_snapshot: Run) -> None:
    reported = json.loads(run_snapshot("version", "-o", "json").stdout)
    assert reported["serverVersion"] == cluster.client.get("/version")["gitVersion"]
