"""A failing capture: three lines of error, its exit code, and nothing left in the cluster."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cluster.conftest import Finished
from tests.cluster.support import PYTHON, Cluster, assert_nothing_left
from tests.lab.machine import PATIENCE_S, wait_for
from tests.validation import parse_valid, subtype

Run = Callable[..., Finished]

UNREACHABLE = "https://127.0.0.1:1"


def check_failure(cluster: Cluster, ended: Finished, code: int, *words: str) -> None:
    """Fail unless it ended so: these words, no traceback, no document, nothing left."""
    assert ended.returncode == code, ended.stderr
    error = ended.stderr[ended.stderr.index("error: ") :]
    assert len(error.splitlines()) <= 3
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in error
    assert ended.stdout == ""
    assert_nothing_left(cluster)


@pytest.mark.parametrize(
    ("words", "code", "reported"),
    [
        (["--context", "nowhere"], 3, "nowhere"),
        (["--cluster", "nowhere"], 3, "nowhere"),
        (["--user", "nobody-here"], 3, "nobody-here"),
        (["--kubeconfig", "/nonexistent/config"], 3, "/nonexistent/config"),
        (["--server", UNREACHABLE], 6, "127.0.0.1"),
        (["-n", "no-such-namespace"], 3, 'namespace "no-such-namespace" not found'),
        (["--node-selector", "pool"], 2, "'pool'"),
        (["--node-selector", "=v"], 2, "key"),
        (["--toleration", "a=b:Sometimes"], 2, "a=b:Sometimes"),
        (["--timeout", "5"], 2, "5"),
        (["--timeout=-1s"], 2, "-1s"),
        (["--request-timeout", "soon"], 2, "soon"),
        (["-o", "/nonexistent/dir/snap.yaml"], 8, "/nonexistent/dir"),
        (["-o", "/"], 8, "directory"),
        (["--token", "wrong"], 4, "Unauthorized"),
    ],
)
def test_bad_input_says_what_why_and_what_to_type(
    cluster: Cluster, run_snapshot: Run, words: list[str], code: int, reported: str
) -> None:
    check_failure(cluster, run_snapshot(*words), code, reported, "hint: ")


def test_a_broken_kubeconfig_is_named(cluster: Cluster, run_snapshot: Run, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("clusters: [")
    check_failure(cluster, run_snapshot(kubeconfig=str(path)), 2, str(path))


def test_a_user_without_rights_is_reported_all_that_is_missing_before_the_first_write(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    before = cluster.audit_size()
    ended = run_snapshot("-n", namespace, kubeconfig=cluster.nobody_kubeconfig)
    check_failure(
        cluster,
        ended,
        4,
        "user nobody",
        f"in namespace {namespace}: create, patch, delete jobs.batch; create, delete configmaps",
        "list, watch pods; get pods/log",
        "kubectl auth can-i create jobs.batch",
    )
    written = [
        event["requestURI"]
        for event in cluster.audit(before)
        if event["user"]["username"] == "nobody"
        and event["verb"] == "create"
        and "selfsubject" not in event["requestURI"]
        and "dryRun=All" not in event["requestURI"]
    ]
    assert written == []


def test_a_user_who_may_not_set_up_roles_is_reported_so_for_the_agents_scope(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    words = ["-n", namespace, "--cluster-scope", "agent"]
    ended = run_snapshot(*words, kubeconfig=cluster.nobody_kubeconfig)
    check_failure(cluster, ended, 4, "in the cluster: create, delete clusterroles.rbac")


def test_a_namespaced_user_gets_a_snapshot_with_honest_statuses(
    cluster: Cluster, run_snapshot: Run, namespace: str
) -> None:
    binding = {
        "metadata": {"name": "editor"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "admin",
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}],
    }
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    cluster.client.call("POST", path, binding)
    ended = run_snapshot("-n", namespace, kubeconfig=cluster.nobody_kubeconfig)
    assert ended.returncode == 0, ended.stderr
    node = subtype(parse_valid(ended.stdout), "K8s", "node")
    assert node.status == "forbidden"
    assert 'User "nobody" cannot get resource "nodes"' in node.context["reason"]
    assert_nothing_left(cluster)


def test_pod_security_is_reported_before_anything_is_made(
    cluster: Cluster, run_snapshot: Run, restricted_namespace: str
) -> None:
    ended = run_snapshot("-n", restricted_namespace)
    check_failure(cluster, ended, 4, "rejects the agent's pod", "--privileged=false")


def test_a_pod_that_somebody_deletes_ends_the_capture(
    cluster: Cluster,
    start_snapshot: Callable[..., subprocess.Popen[str]],
    namespace: str,
) -> None:
    words = ("--node-selector", "never=there", "--wait-for-schedule")
    client = start_snapshot("-n", namespace, *words)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    found = wait_for("the pod", lambda: cluster.client.get(pods)["items"])
    name = found[0]["metadata"]["name"]
    cluster.client.call("DELETE", f"{pods}/{name}")
    _, reported = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 8
    assert "was deleted before its result arrived" in reported
    assert_nothing_left(cluster)


def test_a_reader_that_has_seen_enough_is_no_error(
    cluster: Cluster, zipapp: Path, namespace: str
) -> None:
    environment = cluster.environment()
    command = (
        f"{PYTHON} {zipapp} -n {namespace} --quiet | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}"
    )
    ended = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (ended.stdout, ended.stderr) == ("0\n", "")
    assert_nothing_left(cluster)


def test_no_cluster_at_all_says_what_to_do_next(zipapp: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    ended = subprocess.run(
        [PYTHON, str(zipapp)], env=environment, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert ended.returncode == 3
    assert "no cluster is configured" in ended.stderr
    assert "--kubeconfig" in ended.stderr


def test_an_output_that_cannot_be_written_keeps_the_old_file(
    cluster: Cluster, run_snapshot: Run, namespace: str, tmp_path: Path
) -> None:
    path = tmp_path / "snap.yaml"
    path.write_text("old")
    ended = run_snapshot("-n", namespace, "--image", "registry.k8s.io/pause:3.10", "-o", str(path))
    assert ended.returncode == 2
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["snap.yaml"]


def test_a_failure_is_one_json_object_with_log_json(run_snapshot: Run, namespace: str) -> None:
    words = ["-n", namespace, "--image", "registry.k8s.io/pause:3.10", "--log-json"]
    events: list[Mapping[str, str]] = [
        json.loads(line) for line in run_snapshot(*words).stderr.splitlines()
    ]
    assert events[0]["event"] == "start"
    assert (events[-1]["event"], events[-1]["code"]) == ("error", "INVALID_REQUEST")
